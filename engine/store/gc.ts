/**
 * Removes what neither an image record, nor a container, nor a running pull or start needs.
 * INVARIANT: what is needed is found out, and what isn't loses its name, under one lock; who needs something takes a lease under that
 * lock, and looks whether it is there after that.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseDigest } from './digest.ts';
import { OF_LAYERS, REMOVED, UNFINISHED } from './image-paths.ts';
import { listImages } from './image-records.ts';
import { removeDeep } from './launcher-runs.ts';
import { leasedDigests } from './lease.ts';
import { DirectoryLock } from './lock.ts';
import { ObjectLock } from './object-lock.ts';
import type { StoreContext } from './store-context.ts';

export interface GarbageOptions {
  /** Lowerdirs of all containers of all stacks. Called under the lock: it must not wait. */
  readonly usedDirectories: () => Iterable<string>;
  /** Say what would be removed, and remove nothing. */
  readonly dryRun?: boolean;
}

export interface Garbage {
  /** Digests. */
  readonly blobs: readonly string[];
  /** diffIDs, in hexadecimal digits. */
  readonly layers: readonly string[];
  /** Of blobs, and of layers as their archives say. */
  readonly bytes: number;
}

export async function collectGarbage(context: StoreContext, options: GarbageOptions): Promise<Garbage> {
  const found = takeNames(context, options);
  if (options.dryRun === true) return found;
  // Without the lock from here on: big trees take a while, and nobody finds them any more.
  await removeNameless(context);
  return found;
}

interface Needed {
  readonly digests: ReadonlySet<string>;
  readonly layers: ReadonlySet<string>;
}

function takeNames(context: StoreContext, { usedDirectories, dryRun = false }: GarbageOptions): Garbage {
  using _lock = DirectoryLock.acquire(context.paths.directory);
  const needed = whatIsNeeded(context, usedDirectories());
  const blobs = [...blobNames(context)].filter(({ digest }) => !needed.digests.has(digest));
  const layers = layerNames(context).filter((hex) => !needed.layers.has(hex));
  const bytes = sum(blobs.map(({ file }) => fs.statSync(file).size)) + sum(layers.map((hex) => layerBytes(context, hex)));
  const garbage = { blobs: blobs.map(({ digest }) => digest), layers, bytes };
  if (dryRun) return garbage;
  for (const { file } of blobs) fs.rmSync(file);
  for (const hex of layers) fs.renameSync(`${context.paths.layers}/${hex}`, `${context.paths.layers}/${REMOVED}${process.pid}-${hex}`);
  // Whoever uses one uses its layers, too. They are some empty directories.
  for (const name of attributeNames(context)) {
    const directory = `${context.paths.attributes}/${name}`;
    if (!fs.readdirSync(`${directory}/${OF_LAYERS}`).every((hex) => needed.layers.has(hex))) fs.rmSync(directory, { recursive: true });
  }
  for (const name of fs.readdirSync(context.paths.partial)) {
    if (!needed.digests.has(name.replace('-', ':')))
      removeUnlessLocked(context, `blob-${name}`, () => fs.rmSync(`${context.paths.partial}/${name}`));
  }
  return garbage;
}

function whatIsNeeded(context: StoreContext, directories: Iterable<string>): Needed {
  const digests = leasedDigests(context);
  const layers = new Set([...digests].filter((digest) => digest !== '').map((digest) => parseDigest(digest).hex));
  for (const { target, manifest, config, layers: ofImage } of listImages(context)) {
    for (const { digest } of [target, manifest, config, ...ofImage]) digests.add(digest);
    for (const { diffId } of ofImage) layers.add(parseDigest(diffId).hex);
  }
  for (const directory of directories) {
    const [hex = ''] = path.relative(context.paths.layers, directory).split('/');
    layers.add(hex);
  }
  return { digests, layers };
}

function* blobNames({ paths }: StoreContext): Generator<{ digest: string; file: string }> {
  for (const algorithm of fs.readdirSync(paths.blobs))
    for (const hex of fs.readdirSync(`${paths.blobs}/${algorithm}`))
      yield { digest: `${algorithm}:${hex}`, file: `${paths.blobs}/${algorithm}/${hex}` };
}

function layerNames({ paths }: StoreContext): string[] {
  return fs.readdirSync(paths.layers).filter((name) => /^[0-9a-f]+$/.test(name));
}

function attributeNames({ paths }: StoreContext): string[] {
  return fs.readdirSync(paths.attributes).filter((name) => /^[0-9a-f]+$/.test(name));
}

function layerBytes({ paths }: StoreContext, hex: string): number {
  const facts = JSON.parse(fs.readFileSync(`${paths.layers}/${hex}/layer.json`, 'utf8')) as { readonly bytes: number };
  return facts.bytes;
}

function removeUnlessLocked({ paths }: StoreContext, name: string, remove: () => void): void {
  using lock = ObjectLock.tryAcquire(`${paths.locks}/${name}`);
  if (lock !== undefined) remove();
}

/** What lost its name here or in a run that was killed, and what killed extractions and readers left. */
async function removeNameless(context: StoreContext): Promise<void> {
  const { paths, launcherBinary } = context;
  for (const name of fs.readdirSync(paths.layers)) {
    if (name.startsWith(REMOVED)) await removeDeep(launcherBinary, `${paths.layers}/${name}`);
    if (!name.startsWith(UNFINISHED)) continue;
    using lock = ObjectLock.tryAcquire(`${paths.locks}/layer-${name.slice(name.lastIndexOf('-') + 1)}`);
    if (lock !== undefined) await removeDeep(launcherBinary, `${paths.layers}/${name}`);
  }
  for (const name of fs.readdirSync(paths.scratch)) {
    using lock = ObjectLock.tryAcquire(`${paths.locks}/scratch-${name}`);
    if (lock !== undefined) await removeDeep(launcherBinary, `${paths.scratch}/${name}`);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
