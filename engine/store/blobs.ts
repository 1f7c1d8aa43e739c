/** Content-addressed blobs. A blob that is there is whole and has its digest; what has come of others is kept for the next attempt. */
import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Descriptor } from '../codec/image-manifest.ts';
import { TsstackError } from '../model/errors.ts';
import { hashFile, READ_SIZE } from './blob-file.ts';
import { parseDigest, shortDigest } from './digest.ts';
import type { ObjectLock } from './object-lock.ts';
import { lockObject, type StoreContext } from './store-context.ts';
import { storeError } from './store-error.ts';
import { markUnflushed } from './unflushed.ts';

/** Where the blob is, or would be. @throws TsstackError `image` if the digest is none. */
export function blobPath({ paths }: StoreContext, digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return `${paths.blobs}/${algorithm}/${hex}`;
}

export function hasBlob(context: StoreContext, digest: string): boolean {
  return fs.statSync(blobPath(context, digest), { throwIfNoEntry: false })?.isFile() === true;
}

/** Manifests and configs: what is read at once must be small. @throws TsstackError `image` if it isn't there. */
export function readBlob(context: StoreContext, digest: string): Buffer {
  try {
    return fs.readFileSync(blobPath(context, digest));
  } catch (error) {
    throw storeError(`cannot read blob \`${shortDigest(digest)}\``, error, 'pull the image again');
  }
}

/**
 * Waits until nobody else writes the blob. Undefined: it is there (by then).
 * @throws TsstackError `image`; the signal's reason.
 */
export async function writeBlob(context: StoreContext, descriptor: Descriptor, signal: AbortSignal): Promise<BlobWriter | undefined> {
  if (hasBlob(context, descriptor.digest)) return undefined;
  const { algorithm, hex } = parseDigest(descriptor.digest);
  const lock = await lockObject(context, `blob-${algorithm}-${hex}`, signal);
  try {
    if (!hasBlob(context, descriptor.digest)) return await BlobWriter.open(context, descriptor, lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw storeError(`cannot write blob \`${shortDigest(descriptor.digest)}\``, error);
  }
  lock[Symbol.dispose]();
  return undefined;
}

/** Disposed before `commit`, what has come is kept, and the next writer goes on from there. */
export class BlobWriter implements AsyncDisposable {
  readonly #context: StoreContext;
  readonly #descriptor: Descriptor;
  readonly #lock: ObjectLock;
  readonly #file: FileHandle;
  readonly #partial: string;
  #hash: Hash;
  #offset: number;
  #open = true;

  private constructor(state: {
    context: StoreContext;
    descriptor: Descriptor;
    lock: ObjectLock;
    file: FileHandle;
    partial: string;
    hash: Hash;
    offset: number;
  }) {
    this.#context = state.context;
    this.#descriptor = state.descriptor;
    this.#lock = state.lock;
    this.#file = state.file;
    this.#partial = state.partial;
    this.#hash = state.hash;
    this.#offset = state.offset;
  }

  static async open(context: StoreContext, descriptor: Descriptor, lock: ObjectLock): Promise<BlobWriter> {
    const { algorithm, hex } = parseDigest(descriptor.digest);
    const partial = `${context.paths.partial}/${algorithm}-${hex}`;
    const there = fs.statSync(partial, { throwIfNoEntry: false });
    const usable = there !== undefined && there.size <= descriptor.size;
    const hash = usable ? await hashFile(partial, descriptor.digest) : createHash(algorithm);
    const file = await open(partial, usable ? 'r+' : 'w', 0o600);
    return new BlobWriter({ context, descriptor, lock, file, partial, hash, offset: usable ? there.size : 0 });
  }

  /** Bytes that are there: where to go on. */
  get offset(): number {
    return this.#offset;
  }

  /** @throws TsstackError `image` if it is more than the descriptor says, or the disk is full. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#offset + chunk.length > this.#descriptor.size) {
      await this.restart();
      throw new TsstackError(`cannot write blob ${this.#name()}: more came than the ${this.#descriptor.size} bytes it should have`, {
        code: 'image',
      });
    }
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw storeError(`cannot write blob ${this.#name()}`, error);
    }
    this.#hash.update(chunk);
    this.#offset += chunk.length;
  }

  /** Forgets what has come: the other side can't go on in the middle. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash(parseDigest(this.#descriptor.digest).algorithm);
    this.#offset = 0;
  }

  /** Of what is there so far. */
  digest(): string {
    const { algorithm } = parseDigest(this.#descriptor.digest);
    return `${algorithm}:${this.#hash.copy().digest('hex')}`;
  }

  /** Gives it its name. @throws TsstackError `image` if it isn't whole (that much is kept) or has another digest (nothing is). */
  async commit(): Promise<void> {
    const { digest, size } = this.#descriptor;
    if (this.#offset < size) {
      throw new TsstackError(`cannot store blob ${this.#name()}: only ${this.#offset} of its ${size} bytes came`, { code: 'image' });
    }
    const found = this.digest();
    if (found !== digest) {
      await this.restart();
      throw new TsstackError(`cannot store blob ${this.#name()}: what came has the digest \`${found}\``, { code: 'image' });
    }
    const { algorithm } = parseDigest(digest);
    fs.mkdirSync(`${this.#context.paths.blobs}/${algorithm}`, { recursive: true, mode: 0o700 });
    markUnflushed(this.#context, 'blob', digest);
    fs.renameSync(this.#partial, blobPath(this.#context, digest));
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
    this.#lock[Symbol.dispose]();
  }

  #name(): string {
    return `\`${shortDigest(this.#descriptor.digest)}\``;
  }
}

/** The blob's content, to be read once. */
export function blobStream(context: StoreContext, digest: string, signal: AbortSignal): fs.ReadStream {
  return fs.createReadStream(blobPath(context, digest), { highWaterMark: READ_SIZE, signal });
}

/** A small blob made here. */
export async function storeContent(
  context: StoreContext,
  mediaType: string,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, size: content.length };
  await using writer = await writeBlob(context, descriptor, signal);
  if (writer !== undefined && writer.offset < content.length) await writer.write(content.subarray(writer.offset));
  await writer?.commit();
  return descriptor;
}
