/** `ociImage()`: layouts and archives as images of a stack, with images that umoci made. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageStore, openImageStore } from '../../engine/image/image-store.ts';
import type { EngineEvent } from '../../engine/model/events.ts';
import { findArchive, loadArchive } from '../../engine/wiring/archive-image.ts';
import { Session } from '../../engine/wiring/session.ts';
import { LAUNCHER } from './unpack-fixture.ts';

const { signal } = new AbortController();
const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' };
let directory: string;
let layout: string;
let archive: string;
let stores = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-archives-'));
  layout = join(directory, 'layout');
  archive = join(directory, 'layout.tar');
  const umoci = (...args: string[]) => execFileSync('umoci', args, { stdio: 'pipe' });
  umoci('init', '--layout', layout);
  for (const name of ['web', 'db']) {
    umoci('new', '--image', `${layout}:${name}`);
    writeFileSync(join(directory, 'name'), `${name}\n`);
    umoci('insert', '--image', `${layout}:${name}`, join(directory, 'name'), '/name');
  }
  execFileSync('tar', ['-C', layout, '-cf', archive, '.']);
});
afterAll(() => execFileSync(LAUNCHER, ['remove', directory]));

async function room() {
  const base = join(directory, `state${stores++}`);
  const store: ImageStore = await openImageStore({ directory: join(base, 'images'), launcherBinary: LAUNCHER }, signal);
  const host = { stateDirectory: base, runDirectory: base };
  const session = new Session({
    stack: { name: 'shop', id: 'shop-1', hash: '1', directory, instance: undefined },
    host,
    launcher: LAUNCHER,
  });
  const events: EngineEvent[] = [];
  const getBase = () => Promise.reject(new Error('an archive is built on nothing'));
  return {
    store,
    events,
    find: (path: string, image?: string) => findArchive({ kind: 'archive', path, image }, { session, store, signal }),
    async load(path: string, image?: string) {
      using lease = store.lease([]);
      const onEvent = (event: EngineEvent) => events.push(event);
      return await loadArchive(
        { kind: 'archive', path, image },
        { session, store, signal, lease, onEvent, platform, environment: {}, noCache: false, getBase },
      );
    },
  };
}

describe('an image of an archive', () => {
  test('is loaded and extracted once, and known again', async () => {
    for (const path of [layout, archive]) {
      const { store, find, load, events } = await room();
      expect(await find(path, 'web')).toBeUndefined();
      const record = await load(path, 'web');
      const [layer] = record.layers;
      expect(readFileSync(`${store.layerDirectory(layer?.diffId ?? '')}/name`, 'utf8')).toBe('web\n');
      expect(await find(path, 'web')).toEqual(record);
      expect(await load(path, 'web')).toEqual(record);
      expect(events.flatMap((event) => (event.type === 'build.step' ? [] : [event.type]))).toEqual(['build.started', 'build.done']);
      expect(record.reference).toMatch(/^tsstack\.local\/archive:[0-9a-f]{32}$/);
      expect((await load(path, 'db')).manifest.digest).not.toBe(record.manifest.digest);
      expect(readdirSync(store.context.paths.scratch)).toEqual([]);
    }
  });

  test('is another when the file or the index has changed', async () => {
    const { find, load } = await room();
    const copy = join(directory, 'copy.tar');
    cpSync(archive, copy);
    const record = await load(copy, 'web');
    utimesSync(copy, 1, 1);
    expect(await find(copy, 'web')).toBeUndefined();
    expect((await load(copy, 'web')).manifest).toEqual(record.manifest);

    const changed = join(directory, 'changed');
    cpSync(layout, changed, { recursive: true });
    await load(changed, 'web');
    execFileSync('umoci', ['config', '--image', `${changed}:web`, '--config.user', 'nobody']);
    expect(await find(changed, 'web')).toBeUndefined();
    expect(await load(changed, 'web')).not.toEqual(record.manifest);
  });

  test('is made once by two who want it at the same time', async () => {
    const { load, events } = await room();
    const [one, other] = await Promise.all([load(archive, 'web'), load(archive, 'web')]);
    expect(one).toEqual(other);
    expect(events.filter(({ type }) => type === 'build.done')).toHaveLength(1);
  });

  test('is loaded again when a part of it is gone', async () => {
    const { store, load } = await room();
    const record = await load(layout, 'web');
    store.remove(record.reference);
    await store.collectGarbage({ usedDirectories: () => [] });
    store.recordImage(record);
    expect((await load(layout, 'web')).manifest).toEqual(record.manifest);
    expect(store.hasBlob(record.config.digest)).toBe(true);
  });

  test('must be chosen if there are several, and may be called by its digest', async () => {
    const docker = join(directory, 'docker.tar');
    execFileSync('skopeo', ['copy', '-q', `oci:${layout}:web`, `docker-archive:${docker}:example.test/web:2`]);
    const { load } = await room();
    for (const path of [layout, archive]) {
      await expect(load(path)).rejects.toMatchObject({
        message: `cannot load \`${path}\`: it has several images, and one of them must be chosen`,
        hint: expect.stringMatching(/`web`, `db`|`db`, `web`/),
      });
      await expect(load(path, 'nope')).rejects.toMatchObject({ hint: expect.stringContaining('`web`') });
    }
    const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
    expect((await load(layout, manifests[0].digest)).target.digest).toBe(manifests[0].digest);
    expect((await load(docker)).layers).toHaveLength(1);
    await expect(load(docker, 'other')).rejects.toMatchObject({ hint: expect.stringContaining('`example.test/web:2`') });
  });

  test('is the one for this machine, of several side by side', async () => {
    const { load } = await room();
    const both = join(directory, 'both');
    cpSync(layout, both, { recursive: true });
    const index = JSON.parse(readFileSync(join(both, 'index.json'), 'utf8'));
    const [web, db] = index.manifests;
    const of = (entry: object, architecture: string) => ({ ...entry, annotations: {}, platform: { os: 'linux', architecture } });
    writeFileSync(join(both, 'index.json'), JSON.stringify({ ...index, manifests: [of(web, 's390x'), of(db, platform.architecture)] }));
    expect((await load(both)).manifest.digest).toBe(db.digest);
    writeFileSync(join(both, 'index.json'), JSON.stringify({ ...index, manifests: [of(web, 's390x'), of(db, 'riscv64')] }));
    await expect(load(both)).rejects.toThrow(/cannot use the image of `.*both` on linux\/\w+: it is for linux\/s390x, linux\/riscv64/);
  });

  test('of another architecture is refused, though no index says so', async () => {
    const foreign = join(directory, 'foreign');
    cpSync(layout, foreign, { recursive: true });
    execFileSync('umoci', ['config', '--image', `${foreign}:web`, '--architecture', 's390x']);
    const { load, find } = await room();
    await expect(load(foreign, 'web')).rejects.toThrow(`cannot load \`${foreign}\`: it is for linux/s390x, not for linux/`);
    expect(await find(foreign, 'web')).toBeUndefined();
  });

  test('that is missing or broken is one clear message, and leaves nothing', async () => {
    const { store, load, find } = await room();
    const missing = join(directory, 'missing.tar');
    await expect(find(missing)).rejects.toThrow(`cannot load \`${missing}\`: it does not exist`);
    await expect(find(directory)).rejects.toThrow('the directory has no `index.json`: it is no OCI image layout');

    const cut = join(directory, 'cut.tar');
    cpSync(archive, cut);
    truncateSync(cut, 3000);
    await expect(load(cut, 'web')).rejects.toThrow(`cannot load \`${cut}\`: `);

    const holes = join(directory, 'holes');
    cpSync(layout, holes, { recursive: true });
    const record = await load(layout, 'web');
    const [layer] = record.layers;
    const blob = join(holes, 'blobs/sha256', layer?.digest.slice(7) ?? '');
    renameSync(blob, `${blob}.aside`);
    const fresh = await room();
    await expect(fresh.load(holes, 'web')).rejects.toThrow(/cannot load `.*holes`: there is no file `blobs\/sha256\//);
    writeFileSync(blob, Buffer.alloc(layer?.size ?? 0));
    await expect(fresh.load(holes, 'web')).rejects.toThrow(/cannot load `.*holes`: cannot store blob .* has the digest/);
    expect(fresh.store.list()).toEqual([]);
    expect(readdirSync(store.context.paths.scratch)).toEqual([]);
    expect(existsSync(`${store.context.paths.locks}/tsstack.local-archive`)).toBe(false);
    expect(readdirSync(store.context.paths.locks)).toEqual([]);
  });
});
