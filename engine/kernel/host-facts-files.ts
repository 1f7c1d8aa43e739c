import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { BindSource } from '../model/facts.ts';
import { errnoOf, systemError } from './system-error.ts';

/** What each bind source is, symbolic links followed, as mount(2) does. A regular file with the sha256 of its content, in hex. */
export async function inspectBindSources(paths: readonly string[], signal: AbortSignal): Promise<Record<string, BindSource>> {
  const unique = [...new Set(paths)].sort();
  const sources = await Promise.all(unique.map(async (path) => [path, await inspect(path, signal)] as const));
  return Object.fromEntries(sources);
}

async function inspect(path: string, signal: AbortSignal): Promise<BindSource> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return { kind: 'directory' };
    if (!found.isFile()) return { kind: 'other' };
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash, { signal });
    return { kind: 'file', hash: hash.digest('hex') };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return { kind: 'missing' };
    throw signal.aborted ? error : systemError(`cannot read bind source \`${path}\``, error);
  }
}
