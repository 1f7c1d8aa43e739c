/**
 * Stopping the processes of a cgroup where they stand, and letting them go on. v2 can do it in every cgroup, with or without controllers
 * (cgroup-v2.rst, "cgroup.freeze"), so that v1's freezer (cgroup-v1/freezer-subsystem.rst) is used only on hosts without a v2 hierarchy.
 * A frozen process gets no signal before it is thawed, but for SIGKILL in v2: whoever stops a container thaws it first.
 */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CgroupLayout } from '../model/cgroup.ts';
import { TsstackError } from '../model/errors.ts';
import { readCgroupEvents, untilCgroupEvents } from './cgroup-events.ts';
import { cgroupError, makeDirectory, moveProcesses, readSmallFile, writeFile } from './cgroup-files.ts';
import { identityDirectory } from './processes.ts';
import { unlessErrno } from './system-error.ts';

/** ms. A process that has not stopped by then hangs in the kernel. */
const DEADLINE_MS = 10_000;

/**
 * Resolves when all processes in the cgroup (`tsstack/shop-3f9a1c2e/web-1`) have stopped; at once if they have already. One that can't be
 * frozen in 10 s, or before the signal, is let go on.
 * @throws TsstackError `kernel`: the cgroup is not there, the host has no freezer, or a process hangs in the kernel.
 */
export async function freeze(layout: CgroupLayout, path: string, options: { readonly signal: AbortSignal }): Promise<void> {
  options.signal.throwIfAborted();
  const cgroup = freezerOf(layout, path);
  if (cgroup === undefined) throw cannot(path, 'this host has neither a cgroup v2 hierarchy nor the v1 freezer');
  if (!existsSync(cgroup.members)) throw cannot(path, 'it is not there');
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(DEADLINE_MS)]);
  if (cgroup.version === 1) {
    makeDirectory(cgroup.mountPoint, { path, controller: 'freezer' });
    moveProcesses([cgroup.members], cgroup.directory);
  }
  try {
    write(cgroup, true);
    await (cgroup.version === 1 ? untilFrozenV1(cgroup.directory, signal) : untilV2(cgroup.directory, { frozen: true, signal }));
  } catch (error) {
    write(cgroup, false);
    if (options.signal.aborted || !signal.aborted) throw error;
    throw cannot(path, `a process of it has not stopped after ${DEADLINE_MS / 1000} s`, error);
  }
}

/** Resolves when they go on. What isn't frozen, or isn't there, is left as it is. */
export async function thaw(layout: CgroupLayout, path: string): Promise<void> {
  const cgroup = freezerOf(layout, path);
  if (cgroup === undefined || !isFrozen(layout, path)) return;
  write(cgroup, false);
  // v1 needs no waiting: THAWED is true when it has been written.
  if (cgroup.version === 2) await untilV2(cgroup.directory, { frozen: false, signal: AbortSignal.timeout(DEADLINE_MS) });
}

/** Whether they are to stand still: from the moment at which `freeze` asked for it. */
export function isFrozen(layout: CgroupLayout, path: string): boolean {
  const cgroup = freezerOf(layout, path);
  if (cgroup === undefined) return false;
  const file = cgroup.version === 1 ? 'freezer.self_freezing' : 'cgroup.freeze';
  return unlessErrno(['ENOENT', 'ENODEV'], () => readSmallFile(`${cgroup.directory}/${file}`).trim()) === '1';
}

interface Freezer {
  readonly version: 1 | 2;
  readonly mountPoint: string;
  readonly directory: string;
  /** Where its processes are found. */
  readonly members: string;
}

function freezerOf(layout: CgroupLayout, path: string): Freezer | undefined {
  const members = identityDirectory(layout, path);
  const version = layout.unified === undefined ? 1 : 2;
  const mountPoint = layout.unified ?? layout.controllers['freezer'];
  return members === undefined || mountPoint === undefined
    ? undefined
    : { version, mountPoint, directory: `${mountPoint}/${path}`, members };
}

/** A cgroup that is gone has nothing to be thawed. */
function write({ version, directory }: Freezer, frozen: boolean): void {
  const [file, value] = version === 1 ? ['freezer.state', frozen ? 'FROZEN' : 'THAWED'] : ['cgroup.freeze', frozen ? '1' : '0'];
  const errno = writeFile(`${directory}/${file}`, value);
  if (errno === undefined || (!frozen && (errno === 'ENOENT' || errno === 'ENODEV'))) return;
  const hint = errno === 'ENOENT' ? 'it takes Linux 5.2 or newer' : undefined;
  throw cgroupError(`cannot ${frozen ? 'freeze' : 'thaw'} cgroup \`${directory}\``, errno, hint);
}

/** The kernel finishes freezing while the state is read, and notifies nobody: it may say FREEZING for some time (freezer-subsystem.rst). */
async function untilFrozenV1(directory: string, signal: AbortSignal): Promise<void> {
  for (let pauseMs = 1; readSmallFile(`${directory}/freezer.state`).trim() !== 'FROZEN'; pauseMs = Math.min(pauseMs * 2, 50)) {
    await delay(pauseMs, undefined, { signal });
  }
}

async function untilV2(directory: string, { frozen, signal }: { readonly frozen: boolean; readonly signal: AbortSignal }): Promise<void> {
  // Most often it is done when the write returns: then nothing need be watched.
  if (readCgroupEvents(directory).frozen === frozen) return;
  await untilCgroupEvents(directory, { holds: (events) => (events.frozen ?? false) === frozen, signal });
}

function cannot(path: string, why: string, cause?: unknown): TsstackError {
  return new TsstackError(`cannot freeze cgroup \`${path}\`: ${why}`, { code: 'kernel', cause });
}
