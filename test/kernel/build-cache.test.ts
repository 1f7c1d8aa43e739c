/** What prune makes of the cache of builds, in a store that nobody else has. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import { ObjectLock } from '../../engine/store/object-lock.ts';
import { prune } from '../../engine/wiring/prune.ts';
import { tar } from '../support/tar-bytes.ts';
import { LAUNCHER } from './unpack-fixture.ts';

const { signal } = new AbortController();
const DAY_MS = 24 * 3600 * 1000;
let base: string;
let host: { readonly stateDirectory: string; readonly runDirectory: string };
let store: ImageStore;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tsstack-build-cache-'));
});
afterAll(() => execFileSync(LAUNCHER, ['remove', base]));
beforeEach(async () => {
  const directory = mkdtempSync(join(base, 'host-'));
  host = { stateDirectory: directory, runDirectory: join(directory, 'run') };
  store = await openImageStore({ directory: join(directory, 'images'), launcherBinary: LAUNCHER }, signal);
});

/** As a build leaves it. */
async function keepStep(key: string, daysAgo: number): Promise<string> {
  const archive = tar([{ name: key }]);
  const { digest } = await store.storeContent('', archive, signal);
  await store.extractLayer({ diffId: digest, blob: digest, mediaType: '', signal });
  const steps = join(store.context.paths.directory, 'build/steps');
  mkdirSync(steps, { recursive: true });
  writeFileSync(join(steps, key), JSON.stringify({ version: 1, layer: { diffId: digest }, created: '2026-11-23T00:00:00Z' }));
  const usedAt = new Date(Date.now() - daysAgo * DAY_MS);
  utimesSync(join(steps, key), usedAt, usedAt);
  return digest;
}

const run = async (options: { readonly buildCache?: boolean; readonly dryRun?: boolean } = {}) => {
  const kinds = await prune(store, host, { all: false, volumes: false, buildCache: false, dryRun: false, signal, ...options });
  return Object.fromEntries(kinds.map(({ kind, names }) => [kind, names]));
};
const isThere = (diffId: string) => store.layerDirectory(diffId) !== undefined;

test('a step keeps its layer until nobody has needed it for seven days', async () => {
  const [fresh, old] = [await keepStep('fresh', 6.9), await keepStep('old', 7.1)];
  expect(await run({ dryRun: true })).toMatchObject({ 'build cache': ['old'], layers: [old] });
  expect([isThere(fresh), isThere(old)]).toEqual([true, true]);
  expect(await run()).toMatchObject({ 'build cache': ['old'], layers: [old] });
  expect([isThere(fresh), isThere(old)]).toEqual([true, false]);
  expect(await run({ buildCache: true })).toMatchObject({ 'build cache': ['fresh'], layers: [fresh] });
  expect(await run({ buildCache: true })).toEqual({});
});

test('an image without a name goes seven days after it was made, one with a name only with all', async () => {
  const [manifest, config] = await Promise.all(['manifest', 'config'].map((text) => store.storeContent('', Buffer.from(text), signal)));
  if (manifest === undefined || config === undefined) throw new Error('nothing was stored');
  const record = (reference: string, daysAgo: number) =>
    store.recordImage({ version: 1, reference, target: manifest, manifest, config, layers: [], recordedAt: Date.now() - daysAgo * DAY_MS });
  record('tsstack.local/build:old', 7.1);
  record('tsstack.local/build:new', 6.9);
  record('tsstack.local/debian:old', 7.1);
  record('docker.io/library/old:latest', 7.1);
  expect(await run()).toEqual({ images: ['tsstack.local/build:old'] });
  expect(await run({ buildCache: true })).toEqual({ images: ['tsstack.local/build:new'] });
});

test('a layer that a running build holds stays, though its step is forgotten', async () => {
  const diffId = await keepStep('needed', 30);
  {
    using _lease = store.lease([diffId]);
    expect((await run())['layers']).toBeUndefined();
    expect(isThere(diffId)).toBe(true);
  }
  expect((await run())['layers']).toEqual([diffId]);
});

test('directories that steps mount go only when asked for, and not while a build runs', async () => {
  const cache = join(store.context.paths.directory, 'build/cache');
  mkdirSync(join(cache, 'npm/deep'), { recursive: true });
  writeFileSync(join(cache, 'npm/deep/file'), 'x'.repeat(10_000));
  expect(await run()).toEqual({});
  {
    using _build = ObjectLock.tryAcquire(join(store.context.paths.locks, 'scratch-build-1'));
    expect(await run({ buildCache: true })).toEqual({});
    expect(existsSync(join(cache, 'npm/deep/file'))).toBe(true);
  }
  expect(await run({ buildCache: true })).toEqual({ 'build cache': ['npm'] });
  expect(readdirSync(cache)).toEqual([]);
});

test('an image that is being pulled is not forgotten', async () => {
  const manifest = await store.storeContent('', Buffer.from('manifest'), signal);
  const record = {
    version: 1,
    reference: 'example.test/a:1',
    target: manifest,
    manifest,
    config: manifest,
    layers: [],
    recordedAt: 1,
  } as const;
  store.recordImage(record);
  const all = () => prune(store, host, { all: true, volumes: false, buildCache: false, dryRun: false, signal });
  {
    using _lease = store.lease([manifest.digest]);
    expect(await all()).toEqual([]);
    expect(store.findImage(record.reference)).toBeDefined();
  }
  expect((await all()).map(({ kind, names }) => [kind, names])).toEqual([
    ['images', [record.reference]],
    ['blobs', [manifest.digest]],
  ]);
  expect(store.findImage(record.reference)).toBeUndefined();
});

test('where another version of tsstack has left what a stack wants, nothing is removed', async () => {
  const { digest } = await store.storeContent('', Buffer.from('blob'), signal);
  const stack = join(host.stateDirectory, 'stacks/shop-1');
  mkdirSync(stack, { recursive: true });
  writeFileSync(join(stack, 'desired.json'), '{"version":2}');
  await expect(run()).rejects.toThrow(/^cannot tell which images stack `shop` uses: another version of tsstack wrote/);
  expect(store.hasBlob(digest)).toBe(true);
});
