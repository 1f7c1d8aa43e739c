import { closeSync, constants, fchmodSync, ftruncateSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Executors } from '../model/plan.ts';
import type { FileState } from '../model/resources.ts';
import { errnoOf, systemError } from './system-error.ts';

/** Those of `paths` that are there, in the order given. */
export function observeFiles(paths: readonly string[]): FileState[] {
  const states: FileState[] = [];
  for (const path of paths) {
    try {
      states.push({ path, content: readFileSync(path, 'utf8') });
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw systemError(`cannot read \`${path}\``, error);
    }
  }
  return states;
}

export const fileExecutors: Pick<Executors, 'file.write' | 'file.delete'> = {
  'file.write': async ({ file }) => write(file.path, file.content),
  'file.delete': async ({ path }) => remove(path),
};

/**
 * In place: a running container has this very inode bind-mounted, a new file renamed over it would never be seen there.
 * Written first and cut after, so that a reader finds old or new lines and never an empty file. Mode 0644 whatever the umask.
 */
function write(path: string, content: string): void {
  try {
    const fd = openForWriting(path);
    try {
      fchmodSync(fd, 0o644);
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
      ftruncateSync(fd, bytes.length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw systemError(`cannot write \`${path}\``, error);
  }
}

function openForWriting(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o644);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return openSync(path, flags, 0o644);
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw systemError(`cannot delete \`${path}\``, error);
  }
}
