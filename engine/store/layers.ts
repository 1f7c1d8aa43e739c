/** Layers, each extracted once, by its diffID, and used as a lowerdir by every image that has it. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { TsstackError } from '../model/errors.ts';
import { blobPath } from './blobs.ts';
import { parseDigest, shortDigest } from './digest.ts';
import { UNFINISHED } from './image-paths.ts';
import { removeDeep } from './launcher-runs.ts';
import type { Lease } from './lease.ts';
import type { ObjectLock } from './object-lock.ts';
import { lockObject, type StoreContext } from './store-context.ts';
import { storeError } from './store-error.ts';
import { markUnflushed } from './unflushed.ts';

/** Kept beside the directory, and written before that gets its name. */
export interface LayerFacts {
  readonly diffId: string;
  /** Uncompressed. */
  readonly bytes: number;
  /** Directories that had no entry of their own, from the root: theirs is what a lower layer has, if that has one. */
  readonly implicit: readonly string[];
  /** Its root hides all lower layers, which overlayfs itself does only for directories below. */
  readonly opaque: boolean;
  /** Names of extended attributes that could not be set here. */
  readonly unsupported: readonly string[];
}

export type UnpackedLayer = LayerFacts;

export interface UnpackTarget {
  readonly launcherBinary: string;
  /** Empty. */
  readonly directory: string;
  readonly lockFd: number;
  readonly signal: AbortSignal;
}

export interface UnpackOptions extends UnpackTarget {
  readonly file: string;
  readonly mediaType: string;
  readonly diffId: string;
  /** Compressed bytes so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export type Unpack = (options: UnpackOptions) => Promise<UnpackedLayer>;

export interface LayerRequest {
  readonly diffId: string;
  /** Digest of a blob that is there. */
  readonly blob: string;
  readonly mediaType: string;
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** Undefined: it isn't extracted yet. */
export function layerDirectory({ paths }: StoreContext, diffId: string): string | undefined {
  const directory = `${paths.layers}/${parseDigest(diffId).hex}`;
  return fs.existsSync(directory) ? `${directory}/fs` : undefined;
}

/** @throws TsstackError `image` if it isn't there. */
export function readLayerFacts({ paths }: StoreContext, diffId: string): LayerFacts {
  try {
    return JSON.parse(fs.readFileSync(`${paths.layers}/${parseDigest(diffId).hex}/layer.json`, 'utf8')) as LayerFacts;
  } catch (error) {
    throw storeError(`cannot read layer \`${shortDigest(diffId)}\``, error, 'pull the image again');
  }
}

/**
 * The layer's directory. It is extracted if it isn't there; whoever else is doing so is waited for.
 * @throws TsstackError `image`; the signal's reason. Nothing is left then.
 */
export async function extractLayer(context: StoreContext, request: LayerRequest, unpack: Unpack): Promise<string> {
  const there = layerDirectory(context, request.diffId);
  if (there !== undefined) return there;
  const { hex } = parseDigest(request.diffId);
  using lock = await lockObject(context, `layer-${hex}`, request.signal);
  const whole = layerDirectory(context, request.diffId);
  if (whole !== undefined) return whole;
  await removeLeftovers(context, hex);
  const unfinished = `${context.paths.layers}/${UNFINISHED}${process.pid}-${hex}`;
  try {
    await extract(context, request, { unpack, unfinished, lock });
    giveName(context, unfinished, request.diffId);
  } catch (error) {
    await removeDeep(context.launcherBinary, unfinished);
    request.signal.throwIfAborted();
    throw layerError(request, error);
  }
  return `${context.paths.layers}/${hex}/fs`;
}

async function extract(
  context: StoreContext,
  { diffId, blob, mediaType, signal, onProgress }: LayerRequest,
  { unpack, unfinished, lock }: { unpack: Unpack; unfinished: string; lock: ObjectLock },
): Promise<void> {
  const directory = makeRoot(unfinished);
  const file = blobPath(context, blob);
  const unpacked = await unpack({
    launcherBinary: context.launcherBinary,
    directory,
    file,
    mediaType,
    diffId,
    lockFd: lock.fd,
    signal,
    onProgress,
  });
  if (unpacked.diffId !== diffId) {
    throw new TsstackError(`its content has the diffID \`${unpacked.diffId}\`, and the image says \`${diffId}\``, { code: 'image' });
  }
  writeFacts(unfinished, unpacked);
}

/** What a layer of which nobody knows the diffID yet is unpacked from. */
export interface NewLayer {
  readonly unpack: (target: UnpackTarget) => Promise<UnpackedLayer>;
  /** Gets its diffID before anybody else can find it. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/**
 * A layer that is made here: it gets its name when its content is known. One that is there already is taken instead.
 * @throws what `unpack` does; the signal's reason. Nothing is left then.
 */
export async function addLayer(context: StoreContext, { unpack, lease, signal }: NewLayer): Promise<UnpackedLayer> {
  const { launcherBinary } = context;
  // As the name of an unfinished layer ends with that of its lock, garbage collection leaves this one alone, too.
  const name = randomBytes(16).toString('hex');
  const unfinished = `${context.paths.layers}/${UNFINISHED}${process.pid}-${name}`;
  using making = await lockObject(context, `layer-${name}`, signal);
  try {
    const facts = await unpack({ launcherBinary, directory: makeRoot(unfinished), lockFd: making.fd, signal });
    writeFacts(unfinished, facts);
    lease.hold([facts.diffId]);
    const { hex } = parseDigest(facts.diffId);
    using _lock = await lockObject(context, `layer-${hex}`, signal);
    if (layerDirectory(context, facts.diffId) !== undefined) await removeDeep(launcherBinary, unfinished);
    else {
      await removeLeftovers(context, hex);
      giveName(context, unfinished, facts.diffId);
    }
    return facts;
  } catch (error) {
    await removeDeep(launcherBinary, unfinished);
    signal.throwIfAborted();
    throw error;
  }
}

function makeRoot(unfinished: string): string {
  const directory = `${unfinished}/fs`;
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(directory, 0o755);
  return directory;
}

function writeFacts(unfinished: string, facts: LayerFacts): void {
  fs.writeFileSync(`${unfinished}/layer.json`, `${JSON.stringify(facts)}\n`);
}

function giveName(context: StoreContext, unfinished: string, diffId: string): void {
  markUnflushed(context, 'layer', diffId);
  fs.renameSync(unfinished, `${context.paths.layers}/${parseDigest(diffId).hex}`);
}

/** Of a process that was killed. Its lock is ours now, so nobody works on it. */
async function removeLeftovers({ paths, launcherBinary }: StoreContext, hex: string): Promise<void> {
  for (const name of fs.readdirSync(paths.layers))
    if (name.startsWith(UNFINISHED) && name.endsWith(hex)) await removeDeep(launcherBinary, `${paths.layers}/${name}`);
}

function layerError({ blob }: LayerRequest, cause: unknown): Error {
  const what = `cannot extract layer \`${shortDigest(blob)}\``;
  if (!(cause instanceof TsstackError)) return storeError(what, cause);
  return new TsstackError(`${what}: ${cause.message}`, { code: 'image', hint: cause.hint, cause });
}
