/** `ADD` of a local archive: is it one, and what is in it. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { compressionOf, decompressor } from '../image/decompress.ts';
import { TsstackError } from '../model/errors.ts';

export interface ArchiveFile {
  readonly file: string;
}

/** A tar archive, compressed or not, by its content. Undefined: it is something else. @throws TsstackError `image` for compressions we can't read. */
export async function openLocalArchive(file: string): Promise<ArchiveFile | undefined> {
  await using handle = await open(file);
  const start = Buffer.alloc(BLOCK);
  const { bytesRead } = await handle.read(start, 0, BLOCK, 0);
  for (const [name, magic] of UNREADABLE) {
    if (start.subarray(0, magic.length).equals(magic))
      throw new TsstackError(`cannot unpack \`${file}\`: it is compressed by ${name}`, {
        code: 'image',
        hint: 'compress it by gzip or zstd, or unpack it in a RUN step',
      });
  }
  const compression = compressionOf(start.subarray(0, bytesRead), '');
  const first =
    compression === 'none' ? start.subarray(0, bytesRead) : await firstBlock(handle.createReadStream({ start: 0 }), compression);
  return isHeader(first) ? { file } : undefined;
}

const BLOCK = 512;
const UNREADABLE: readonly (readonly [string, Buffer])[] = [
  ['bzip2', Buffer.from('BZh')],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
];

async function firstBlock(source: Readable, compression: 'gzip' | 'zstd'): Promise<Buffer> {
  const transform = await decompressor(compression);
  if (transform === undefined) throw new Error(`no decompressor of ${compression}`);
  const content = source.on('error', (error) => transform.destroy(error)).pipe(transform);
  let first = Buffer.alloc(0);
  try {
    for await (const chunk of content) {
      first = Buffer.concat([first, chunk as Buffer]);
      if (first.length >= BLOCK) break;
    }
  } catch {
    // Something else that begins like it.
    return Buffer.alloc(0);
  } finally {
    source.destroy();
  }
  return first.subarray(0, BLOCK);
}

/** By its checksum (pax(1), ustar header block): the sum of all bytes, those of the checksum itself taken as spaces. */
function isHeader(block: Buffer): boolean {
  if (block.length < BLOCK) return false;
  const written = Number.parseInt(block.toString('latin1', 148, 156), 8);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return sum === written;
}
