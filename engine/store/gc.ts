/**
 * Removes what neither an image record, nor a container, nor a running pull or start needs.
 * INVARIANT: what is needed is found out, and what isn't loses its name, under one lock; who needs something takes a lease under that
 * lock, and looks whether it is there after that.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseDigest } from './digest.ts';
import { OF_LAYERS, REMOVED, UNFINISHED } from './image-paths.ts';
import { type ImageRecord, listImages, partsOf, removeImage } from './image-records.ts';
import { removeDeep } from './launcher-runs.ts';
import { leasedDigests } from './lease.ts';
import { DirectoryLock } from './lock.ts';
import { ObjectLock } from './object-lock.ts';
import type { StoreContext } from './store-context.ts';

export interface GarbageOptions {
  /**
   * Lowerdirs of all containers of all stacks. Called under the lock: it must not wait. INVARIANT: it looks when it is called and not
   * before, for by then the leases have been read: whoever ends one has written down before what its container uses.
   */
  readonly usedDirectories: () => Iterable<string>;
  /** Whether an image is to be forgotten, too. Called after `usedDirectories`, and never for one that a lease holds. Default: none is. */
  readonly forgets?: ((image: ImageRecord) => boolean) | undefined;
  /** Digests of blobs and diffIDs of layers that somebody else needs: the cache of builds. Called after `usedDirectories`. */
  readonly alsoNeeded?: (() => Iterable<string>) | undefined;
  /** Say what would be removed, and remove nothing. */
  readonly dryRun?: boolean;
}

export interface Garbage {
  /** References of images that are forgotten. */
  readonly images: readonly string[];
  /** Digests. */
  readonly blobs: readonly string[];
  /** diffIDs, in hexadecimal digits. */
  readonly layers: readonly string[];
  /** Digests of blobs of which only a part has come. */
  readonly partial: readonly string[];
  /** Of layers as their archives say. */
  readonly bytes: { readonly blobs: number; readonly layers: number; readonly partial: number };
}

export async function collectGarbage(context: StoreContext, options: GarbageOptions): Promise<Garbage> {
  const found = takeNames(context, options);
  if (options.dryRun === true) return found;
  // Without the lock from here on: big trees take a while, and nobody finds them any more.
  await removeNameless(context);
  return found;
}

export interface StoreObject {
  /** As in `Garbage`. */
  readonly name: string;
  readonly bytes: number;
}

/** All that is there, needed or not. */
export function measureStore(context: StoreContext): Readonly<Record<'blobs' | 'layers' | 'partial', readonly StoreObject[]>> {
  // Nothing else loses its name meanwhile, but a partial download that becomes a blob.
  using _lock = DirectoryLock.acquire(context.paths.directory);
  const files = (found: Iterable<{ readonly digest: string; readonly file: string }>): StoreObject[] =>
    [...found].flatMap(({ digest, file }) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? [] : [{ name: digest, bytes: stat.size }];
    });
  return {
    blobs: files(blobNames(context)),
    layers: layerNames(context).map((hex) => ({ name: hex, bytes: layerBytes(context, hex) })),
    partial: files(partialNames(context)),
  };
}

interface Needed {
  readonly forgotten: readonly string[];
  readonly digests: ReadonlySet<string>;
  readonly layers: ReadonlySet<string>;
}

function takeNames(context: StoreContext, options: GarbageOptions): Garbage {
  const { paths } = context;
  using _lock = DirectoryLock.acquire(paths.directory);
  const needed = whatIsNeeded(context, options);
  const blobs = [...blobNames(context)].filter(({ digest }) => !needed.digests.has(digest));
  const layers = layerNames(context).filter((hex) => !needed.layers.has(hex));
  const partial = partialNames(context).filter(({ digest }) => !needed.digests.has(digest));
  const bytes = {
    blobs: sum(blobs.map(({ file }) => fs.statSync(file).size)),
    layers: sum(layers.map((hex) => layerBytes(context, hex))),
    partial: sum(partial.map(({ file }) => fs.statSync(file).size)),
  };
  const digestsOf = (files: readonly { readonly digest: string }[]) => files.map(({ digest }) => digest);
  const garbage = { images: needed.forgotten, blobs: digestsOf(blobs), layers, partial: digestsOf(partial), bytes };
  if (options.dryRun === true) return garbage;
  // The reference first: cut off in the middle, there is none to an image that isn't whole.
  for (const reference of needed.forgotten) removeImage(context, reference);
  for (const { file } of blobs) fs.rmSync(file);
  for (const hex of layers) fs.renameSync(`${paths.layers}/${hex}`, `${paths.layers}/${REMOVED}${process.pid}-${hex}`);
  // Whoever uses one uses its layers, too. They are some empty directories.
  for (const name of attributeNames(context)) {
    const directory = `${paths.attributes}/${name}`;
    if (!fs.readdirSync(`${directory}/${OF_LAYERS}`).every((hex) => needed.layers.has(hex))) fs.rmSync(directory, { recursive: true });
  }
  for (const { file, name } of partial) removeUnlessLocked(context, `blob-${name}`, () => fs.rmSync(file));
  return garbage;
}

function whatIsNeeded(context: StoreContext, { usedDirectories, forgets, alsoNeeded }: GarbageOptions): Needed {
  const digests = leasedDigests(context);
  digests.delete('');
  const layers = new Set<string>();
  for (const directory of usedDirectories()) {
    const [hex = ''] = path.relative(context.paths.layers, directory).split('/');
    layers.add(hex);
  }
  const forgotten: string[] = [];
  const leased = new Set(digests);
  for (const image of listImages(context)) {
    if (!leased.has(image.manifest.digest) && forgets?.(image) === true) forgotten.push(image.reference);
    else for (const digest of partsOf(image)) digests.add(digest);
  }
  for (const digest of alsoNeeded?.() ?? []) digests.add(digest);
  for (const digest of digests) layers.add(parseDigest(digest).hex);
  return { forgotten, digests, layers };
}

function* blobNames({ paths }: StoreContext): Generator<{ digest: string; file: string }> {
  for (const algorithm of fs.readdirSync(paths.blobs))
    for (const hex of fs.readdirSync(`${paths.blobs}/${algorithm}`))
      yield { digest: `${algorithm}:${hex}`, file: `${paths.blobs}/${algorithm}/${hex}` };
}

function partialNames({ paths }: StoreContext): { digest: string; file: string; name: string }[] {
  return fs.readdirSync(paths.partial).map((name) => ({ name, digest: name.replace('-', ':'), file: `${paths.partial}/${name}` }));
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
