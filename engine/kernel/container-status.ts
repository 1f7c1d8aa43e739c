import { readFileSync, readlinkSync } from 'node:fs';
import { parseStartTime, parseStatusFile } from '../codec/container-status.ts';
import type { ContainerStatus, ProcessIdentity } from '../model/container.ts';

/**
 * What a container is doing: what its monitor wrote down, checked against the kernel. Only the monitor knows how a container
 * ended, so that one whose monitor is gone without a word has stopped in an unknown way (`exit` undefined). Its init is then
 * named only if it is still there, to be killed.
 */
export function readContainerStatus(directory: string, bootId: string): ContainerStatus {
  const text = readIfThere(`${directory}/status`);
  const file = text === undefined ? undefined : parseStatusFile(text);
  if (file === undefined) return CREATING;
  const { state, monitor, init, createdAt, startedAt, finishedAt, exit } = file;
  const times = { createdAt, startedAt, finishedAt };
  if (state === 'stopped') return { state, monitor, init: undefined, ...times, exit };
  if (file.bootId !== bootId) return { state: 'stopped', monitor: undefined, init: undefined, ...times, exit: undefined };
  if (isAlive(monitor)) return { state, monitor, init, ...times, exit };
  // It may have ended, and written that down, since the file was read.
  const again = readIfThere(`${directory}/status`);
  if (again !== text) return readContainerStatus(directory, bootId);
  return { state: 'stopped', monitor: undefined, init: isAlive(init) ? init : undefined, ...times, exit: undefined };
}

const CREATING: ContainerStatus = {
  state: 'creating',
  monitor: undefined,
  init: undefined,
  createdAt: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  exit: undefined,
};

/** Whether exactly that process is there. A zombie isn't. */
function isAlive(process: ProcessIdentity): boolean {
  const stat = readIfThere(`/proc/${process.pid}/stat`);
  return stat !== undefined && parseStartTime(stat) === process.startTime && !/\) [ZX] /.test(stat);
}

/**
 * Whether exactly that process has ended, or is about to: one that exits lets go of its namespaces a while before it is a zombie
 * (do_exit in kernel/exit.c), and who wants to enter them then is told that there is no such process.
 */
export function isEnding(process: ProcessIdentity): boolean {
  try {
    readlinkSync(`/proc/${process.pid}/ns/net`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return true;
    throw error;
  }
  return !isAlive(process);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}
