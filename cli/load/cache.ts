import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** After this an entry is deleted when another is written; one still in use is then made anew. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/**
 * Texts kept in a directory under the hash of what they were made from. Losing one costs time, never correctness: so a failure to
 * write is a notice, not an error.
 */
export interface Cache {
  /** Undefined: not there, or cut off by a crash. */
  read(key: string): string | undefined;
  write(key: string, text: string): void;
  readonly notices: readonly string[];
}

export function openCache(directory: string): Cache {
  const notices: string[] = [];
  return {
    notices,
    read: (key) => readWhole(join(directory, key)),
    write(key, text) {
      try {
        writeWhole(directory, { key, text });
      } catch (error) {
        if (notices.length === 0) notices.push(`cannot keep what was made of the stack file in \`${directory}\`: ${reason(error)}`);
      }
    },
  };
}

/** Of the parts in order; no two lists of parts give the same text. */
export function hashOf(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 40);
}

/** The last character says that nothing is missing: rename(2) is atomic, but after a power cut the file may be empty or short. */
const END = '\u0003';

function readWhole(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith(END) ? text.slice(0, -1) : undefined;
  } catch (error) {
    if (reason(error) === 'ENOENT' || reason(error) === 'ENOTDIR' || reason(error) === 'EACCES') return undefined;
    throw error;
  }
}

function writeWhole(directory: string, entry: { readonly key: string; readonly text: string }): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, entry.key);
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, entry.text + END, { mode: 0o600 });
  renameSync(temporary, file);
  const oldest = Date.now() - KEPT_MS;
  for (const name of readdirSync(directory)) {
    const other = join(directory, name);
    if ((statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? oldest) < oldest) rmSync(other, { force: true });
  }
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
