/** The content of a layer blob, whatever it is compressed with. */
import { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { TsstackError } from '../model/errors.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** RFC 1952, 2.3.1; RFC 8878, 3.1.1 and, for a skippable frame, 3.1.2 */
const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
const ZSTD_SKIPPABLE = [0x2a, 0x4d, 0x18];

/** The output comes in pieces of that many bytes: as much as a pipe to the launcher takes at once. */
const CHUNK_SIZE = 256 * 1024;

/**
 * From its first four bytes, and not from its media type: archives of Docker don't have any, and some registries have wrong ones.
 * @throws TsstackError `image` for media types that say that it is encrypted.
 */
export function compressionOf(start: Uint8Array, mediaType: string): Compression {
  if (mediaType.endsWith('+encrypted')) throw new TsstackError('cannot extract a layer that is encrypted', { code: 'image' });
  const begins = (magic: readonly number[], at = 0) => magic.every((byte, index) => start[at + index] === byte);
  if (begins(GZIP)) return 'gzip';
  if (begins(ZSTD) || (begins(ZSTD_SKIPPABLE, 1) && ((start[0] ?? 0) & 0xf0) === 0x50)) return 'zstd';
  return 'none';
}

/** Compressed bytes in, content out. Undefined: it is not compressed. */
export async function decompressor(compression: Compression): Promise<Transform | undefined> {
  if (compression === 'none') return undefined;
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: CHUNK_SIZE });
  return nativeZstd() ?? (await portableZstd());
}

/** Node has it since 22.15. */
function nativeZstd(): Transform | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return typeof create === 'function' ? (create({ chunkSize: CHUNK_SIZE }) as Transform) : undefined;
}

async function portableZstd(): Promise<Transform> {
  const { Decompress } = await import('fzstd');
  let output: Transform;
  const decompress = new Decompress((chunk) => output.push(chunk));
  output = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      attempt(() => decompress.push(chunk), done);
    },
    flush(done) {
      attempt(() => decompress.push(new Uint8Array(), true), done);
    },
  });
  return output;
}

function attempt(action: () => void, done: (error?: Error) => void): void {
  try {
    action();
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done();
}
