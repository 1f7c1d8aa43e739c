/** The content of a layer → a directory, by way of the launcher (`native/launcher/PROTOCOL.md`, "A layer into a directory"). */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decodeFrames } from '../codec/launcher-frames.ts';
import { TsstackError } from '../model/errors.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { parseDigest } from '../store/digest.ts';
import type { UnpackedLayer, UnpackOptions, UnpackTarget } from '../store/layers.ts';
import { compressionOf, decompressor } from './decompress.ts';
import { entryError } from './entry-error.ts';

/**
 * Extracts a blob into an empty directory. What of it is there after an error is the caller's to remove.
 * @throws TsstackError `image`: the archive is corrupt, or something in it can't be made; the signal's reason.
 */
export function unpackLayer(options: UnpackOptions): Promise<UnpackedLayer> {
  const { algorithm } = parseDigest(options.diffId);
  return extractFile(options, algorithm);
}

/** The same with any archive, of which no digest is known. */
export async function extractArchive(options: Omit<UnpackOptions, 'diffId'>): Promise<void> {
  await extractFile(options, 'sha256');
}

/** The same with an archive that is being made, uncompressed. Its error is told as it is. */
export function unpackStream({ archive, ...options }: UnpackTarget & { readonly archive: Readable }): Promise<UnpackedLayer> {
  return extract(options, (stdin) => sendCounted([archive], stdin, { algorithm: 'sha256', signal: options.signal }));
}

type Sent = Pick<UnpackedLayer, 'diffId' | 'bytes'>;

async function extractFile(options: Omit<UnpackOptions, 'diffId'>, algorithm: string): Promise<UnpackedLayer> {
  options.signal.throwIfAborted();
  const blob = await open(options.file);
  try {
    return await extract(options, (stdin) => sendBlob(blob, stdin, { ...options, algorithm }));
  } finally {
    await blob.close();
  }
}

async function extract(target: UnpackTarget, send: (stdin: Writable) => Promise<Sent>): Promise<UnpackedLayer> {
  const { launcherBinary, directory, lockFd, signal } = target;
  signal.throwIfAborted();
  // The lock goes along: if this process is killed, nobody else works on the directory before the child has ended, too.
  const stdio = ['pipe', 'pipe', 'inherit', lockFd] as const;
  const child = spawn(launcherBinary, ['unpack', directory], { stdio: [...stdio], signal, killSignal: 'SIGKILL' });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the launcher has no pipes');
  const [sent, answered, ended] = await Promise.allSettled([send(stdin), readAnswers(stdout), exited(child)]);
  signal.throwIfAborted();
  if (ended.status === 'rejected') throw ended.reason;
  if (answered.status === 'rejected') throw answered.reason;
  if (sent.status === 'rejected' && isOurs(sent.reason)) throw corrupt(sent.reason);
  if (answered.value.error !== undefined) throw answered.value.error;
  if (sent.status === 'rejected' || !answered.value.done)
    throw new TsstackError('the launcher ended before all was extracted', { code: 'image' });
  return { ...sent.value, implicit: answered.value.implicit, opaque: answered.value.opaque, unsupported: answered.value.unsupported };
}

async function sendBlob(
  blob: FileHandle,
  stdin: Writable,
  { mediaType, algorithm, signal, onProgress }: Omit<UnpackOptions, 'diffId'> & { readonly algorithm: string },
): Promise<Sent> {
  const start = Buffer.alloc(4);
  await blob.read(start, 0, start.length, 0);
  const decompress = await decompressor(compressionOf(start, mediaType));
  let read = 0;
  const source = blob.createReadStream({ start: 0, highWaterMark: READ_SIZE, autoClose: false });
  source.on('data', (chunk) => {
    read += chunk.length;
    onProgress?.(read);
  });
  source.pause();
  return sendCounted(decompress === undefined ? [source] : [source, decompress], stdin, { algorithm, signal });
}

async function sendCounted(
  [source, ...through]: readonly [Readable, ...Transform[]],
  stdin: Writable,
  { algorithm, signal }: { readonly algorithm: string; readonly signal: AbortSignal },
): Promise<Sent> {
  const hash = createHash(algorithm);
  let bytes = 0;
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  const [decompress] = through;
  if (decompress === undefined) await pipeline(source, counted, stdin, { signal });
  else await pipeline(source, decompress, counted, stdin, { signal });
  return { diffId: `${algorithm}:${hash.digest('hex')}`, bytes };
}

interface Answers {
  readonly done: boolean;
  readonly error: TsstackError | undefined;
  readonly implicit: readonly string[];
  readonly opaque: boolean;
  readonly unsupported: readonly string[];
}

async function readAnswers(stdout: Readable): Promise<Answers> {
  let rest: Buffer = Buffer.alloc(0);
  let done = false;
  let opaque = false;
  let error: TsstackError | undefined;
  const implicit: string[] = [];
  const unsupported = new Set<string>();
  for await (const chunk of stdout) {
    const decoded = decodeFrames(Buffer.concat([rest, chunk as Buffer]));
    rest = decoded.rest;
    for (const [word, ...values] of decoded.frames) {
      if (word === 'done') done = true;
      else if (word === 'opaque') opaque = true;
      else if (word === 'implicit') implicit.push(values[0] ?? '');
      else if (word === 'unsupported') unsupported.add(values[1] ?? '');
      else error = entryError(values);
    }
  }
  return { done, error, implicit, opaque, unsupported: [...unsupported] };
}

/** What follows from the launcher's end, which takes its pipe away: in the middle of a write, before one, or while one is awaited. */
const AFTER_ITS_END = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ABORT_ERR'];

/** A broken blob ends the stream early, and the launcher's complaint only follows from that. */
function isOurs(reason: unknown): boolean {
  return !(reason instanceof Error && 'code' in reason && AFTER_ITS_END.includes(String(reason.code)));
}

function corrupt(cause: unknown): TsstackError {
  if (cause instanceof TsstackError) return cause;
  return new TsstackError(`its compressed data is broken: ${cause instanceof Error ? cause.message : String(cause)}`, {
    code: 'image',
    cause,
  });
}

async function exited(child: ChildProcess): Promise<void> {
  await once(child, 'close');
}
