import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { TsstackError } from '../model/errors.ts';
import { readCgroupEvents, untilCgroupEvents } from './cgroup-events.ts';
import { cgroupError, processesOf, writeFile } from './cgroup-files.ts';
import { errnoOf, unlessErrno } from './system-error.ts';

/** ms. A killed process that has not gone by then hangs in the kernel. */
const DEADLINE_MS = 10_000;

/**
 * Kills what is in the cgroup and below it, waits until it has gone, and removes the cgroup from every hierarchy: the first of
 * `mountPoints`, where it is looked for, last. Absent already: nothing happens.
 */
export async function removeCgroup(
  path: string,
  options: { readonly mountPoints: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  const present = options.mountPoints.map((mountPoint) => `${mountPoint}/${path}`).filter((directory) => existsSync(directory));
  // The usual case: its container has been stopped before.
  if (present.toReversed().every(removeIfEmpty)) return;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(DEADLINE_MS)]);
  try {
    await killAndRemove(present, signal);
  } catch (error) {
    if (options.signal.aborted || !signal.aborted) throw error;
    throw new TsstackError(`cannot remove cgroup \`${path}\`: its processes were killed and have not gone after ${DEADLINE_MS / 1000} s`, {
      code: 'kernel',
      hint: `look for processes in state D: \`cat ${present[0]}/cgroup.procs\``,
      cause: error,
    });
  }
}

async function killAndRemove(directories: readonly string[], signal: AbortSignal): Promise<void> {
  const unified = directories.find((directory) => existsSync(`${directory}/cgroup.events`));
  if (unified !== undefined) await emptyUnified(unified, signal);
  for (const directory of directories.toReversed()) await removeTree(directory, signal);
}

/** rmdir. False: something is in it. */
export function removeIfEmpty(directory: string): boolean {
  const errno = rmdir(directory);
  if (errno === undefined || errno === 'ENOENT') return true;
  if (errno === 'EBUSY' || errno === 'ENOTEMPTY') return false;
  throw cgroupError(`cannot remove cgroup \`${directory}\``, errno);
}

/** A process is in one cgroup of every hierarchy and leaves all at once, so that the v2 one speaks for the v1 ones. */
async function emptyUnified(directory: string, signal: AbortSignal): Promise<void> {
  if (readCgroupEvents(directory).populated !== true) return;
  const errno = writeFile(`${directory}/cgroup.kill`, '1');
  if (errno === 'ENOENT') return; // before Linux 5.14; removeTree kills one by one
  if (errno !== undefined) throw cgroupError(`cannot kill cgroup \`${directory}\``, errno);
  await untilCgroupEvents(directory, { holds: (events) => events.populated !== true, signal });
}

/**
 * As it is if it can be, else its children first. v1 notifies nobody, so that there, and only there, a cgroup that is still busy is killed and tried again after a pause.
 */
async function removeTree(directory: string, signal: AbortSignal): Promise<void> {
  if (removeIfEmpty(directory)) return;
  for (const child of children(directory)) await removeTree(`${directory}/${child}`, signal);
  for (let pauseMs = 1; !removeIfEmpty(directory); pauseMs = Math.min(pauseMs * 2, 50)) {
    for (const pid of processesOf(directory)) kill(pid);
    await delay(pauseMs, undefined, { signal });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function children(directory: string): string[] {
  const entries = unlessErrno(['ENOENT'], () => readdirSync(directory, { withFileTypes: true })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function rmdir(directory: string): string | undefined {
  try {
    rmdirSync(directory);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno;
  }
}
