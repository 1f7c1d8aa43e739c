import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { limited } from '../image/limited.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContextEntry } from './context-entry.ts';

/** As many as Node has threads for files. */
const READ_AT_ONCE = 4;

/** sha256 in hex of a selection. A file that is in several is read once, unless it was changed in between. */
export function contentHasher(): (entries: readonly ContextEntry[]) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  const turn = limited(READ_AT_ONCE);
  const contentOf = async ({ source }: ContextEntry): Promise<string> => {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(source, { bigint: true });
    const key = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    const before = known.get(key);
    if (before !== undefined) return await before;
    const hashed = hashFile(source);
    known.set(key, hashed);
    return await hashed;
  };
  return async (entries) => {
    const contents = await Promise.all(entries.map((entry) => (entry.type === 'file' ? turn(() => read(entry, contentOf)) : '')));
    const hash = createHash('sha256');
    for (const [index, { path, root, type, mode, size, linkTarget }] of entries.entries()) {
      hash.update(`${JSON.stringify([path, root, type, mode, size, linkTarget ?? '', contents[index]])}\n`);
    }
    return hash.digest('hex');
  };
}

async function read(entry: ContextEntry, contentOf: (entry: ContextEntry) => Promise<string>): Promise<string> {
  try {
    return await contentOf(entry);
  } catch (error) {
    throw new TsstackError(`cannot read \`${entry.source}\`: ${(error as Error).message}`, { code: 'image', cause: error });
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
