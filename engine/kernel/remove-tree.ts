import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { mountsUnder, parseMountinfo } from '../codec/mountinfo.ts';
import { TsstackError } from '../model/errors.ts';
import { unlessErrno } from './system-error.ts';

/**
 * Removes a directory and all in it, as what a container wrote must be removed: nothing outside can be reached through it.
 * INVARIANT: every name is looked up in a directory held open (`/proc/self/fd/N/name`, which has the effect of openat(2)) and never
 * through a symbolic link, so that a process that swaps directories meanwhile leads it nowhere. No mount is entered.
 * Absent already: nothing happens. Throws TsstackError if something is mounted in it, and then has removed nothing.
 */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  refuseMounts(path);
  const fd = openDirectory(path);
  if (fd === undefined) return;
  try {
    await empty(fd, { path, mount: mountOf(fd), signal });
  } finally {
    closeSync(fd);
  }
  unlessErrno(['ENOENT'], () => rmdirSync(path));
}

/** Throws TsstackError if anything is mounted at or below `path`. */
export function refuseMounts(path: string): void {
  const [mounted] = mountsUnder(parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')), path);
  if (mounted !== undefined) {
    throw new TsstackError(`cannot remove \`${path}\`: something is mounted on \`${mounted}\``, {
      code: 'kernel',
      hint: `see what uses it with \`fuser -vm ${mounted}\`, then \`umount ${mounted}\``,
    });
  }
}

interface At {
  /** For messages only. */
  readonly path: string;
  readonly mount: string;
  readonly signal: AbortSignal;
}

async function empty(fd: number, at: At): Promise<void> {
  // A big volume must not hold up the terminal and the signals.
  await setImmediate(undefined, { signal: at.signal });
  for (const entry of readdirSync(`/proc/self/fd/${fd}`, { withFileTypes: true })) {
    const name = `/proc/self/fd/${fd}/${entry.name}`;
    if (entry.isDirectory()) await emptyChild(name, { ...at, path: `${at.path}/${entry.name}` });
    unlessErrno(['ENOENT'], () => (entry.isDirectory() ? rmdirSync(name) : unlinkSync(name)));
  }
}

async function emptyChild(name: string, at: At): Promise<void> {
  const fd = openDirectory(name);
  if (fd === undefined) return;
  try {
    // Mounted after the look at mountinfo.
    if (mountOf(fd) !== at.mount) throw new TsstackError(`cannot remove \`${at.path}\`: something is mounted there`, { code: 'kernel' });
    await empty(fd, at);
  } finally {
    closeSync(fd);
  }
}

/** Undefined if it is not there. A symbolic link in its place is an error (ENOTDIR; open(2), O_NOFOLLOW with O_DIRECTORY). */
function openDirectory(path: string): number | undefined {
  return unlessErrno(['ENOENT'], () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW));
}

/** Mount id (proc_pid_fdinfo(5)) and device: a bind mount within one filesystem has the same device and another id. */
function mountOf(fd: number): string {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
  return `${id} ${fstatSync(fd).dev}`;
}
