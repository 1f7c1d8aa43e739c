/** A directory → a layer's archive, by way of the launcher (`native/launcher/PROTOCOL.md`, "A directory into a layer"). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { decodeFrames } from '../codec/launcher-frames.ts';
import { TsstackError } from '../model/errors.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { addLayer } from '../store/layers.ts';
import type { Lease } from '../store/lease.ts';
import { entryError } from './entry-error.ts';
import type { ImageStore } from './image-store.ts';
import { unpackStream } from './unpack.ts';

export interface PackOptions {
  readonly launcherBinary: string;
  /** As overlayfs has it: a container's upper directory, or a layer's of the store. Nobody may change it meanwhile. */
  readonly directory: string;
  /** Where the container's 65536 ids begin on the host: they are from 0 in the archive. Undefined: as they are. */
  readonly uidBase?: number | undefined;
  readonly signal: AbortSignal;
}

export interface PackedLayer {
  /**
   * The archive: the same bytes for the same tree. Ends when it is whole, and fails with a TsstackError `image` if it doesn't get so, or
   * the signal's reason. Destroyed early, nothing goes on.
   */
  readonly stream: Readable;
}

export function packLayer(options: PackOptions): PackedLayer {
  return { stream: Readable.from(packed(options), { objectMode: false, highWaterMark: READ_SIZE }) };
}

/** The process starts when somebody reads. */
async function* packed({ launcherBinary, directory, uidBase, signal }: PackOptions): AsyncGenerator<Buffer> {
  signal.throwIfAborted();
  const shift = uidBase === undefined ? [] : ['--uid-base', String(uidBase)];
  const child = spawn(launcherBinary, ['pack', ...shift, directory], { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  const ended = Promise.allSettled([exited(child), buffer(child.stderr)]);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const [code, said] = await ended;
    signal.throwIfAborted();
    if (code.status === 'rejected') throw code.reason;
    if (code.value !== 0) throw packError(directory, said.status === 'fulfilled' ? said.value : Buffer.alloc(0));
  } finally {
    // Of a reader that went away.
    child.kill('SIGKILL');
    await ended;
  }
}

async function exited(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

function packError(directory: string, said: Buffer): TsstackError {
  const [frame] = decodeFrames(said).frames;
  const what = `cannot pack \`${directory}\``;
  if (frame === undefined) return new TsstackError(`${what}: the launcher ended early`, { code: 'image' });
  const why = entryError(frame.slice(1));
  return new TsstackError(`${what}: ${why.message}`, { code: 'image', hint: why.hint });
}

export interface StoreLayerOptions extends Pick<PackOptions, 'directory' | 'uidBase' | 'signal'> {
  /** Gets the layer's diffID. */
  readonly lease: Lease;
}

export interface StoredLayer {
  readonly diffId: string;
  /** Of its archive, uncompressed: the layer's `size` in a manifest whose `digest` is the diffID. */
  readonly size: number;
}

/**
 * The directory as a layer of the store, as if its archive had been pulled; that itself is kept nowhere. The directory stays.
 * @throws TsstackError `image`; the signal's reason. Nothing is left then.
 */
export async function storeLayer({ context }: ImageStore, { lease, ...options }: StoreLayerOptions): Promise<StoredLayer> {
  const { launcherBinary } = context;
  const facts = await addLayer(context, {
    unpack: (target) => unpackStream({ ...target, archive: packLayer({ launcherBinary, ...options }).stream }),
    lease,
    signal: options.signal,
  });
  return { diffId: facts.diffId, size: facts.bytes };
}
