/** The processes of a container. All reads are synchronous: /proc and cgroupfs answer from memory. */
import { readFileSync } from 'node:fs';
import { identityController } from '../codec/cgroup-layout.ts';
import {
  type ProcessStat,
  type ProcessStatus,
  parseBootTime,
  parseCommandLine,
  parseProcessStat,
  parseProcessStatus,
  TICKS_PER_SECOND,
} from '../codec/proc-process.ts';
import type { CgroupLayout } from '../model/cgroup.ts';
import { processesOf } from './cgroup-files.ts';
import { unlessErrno } from './system-error.ts';

/** One process of a container, seen from the host. */
export interface ProcessState {
  readonly pid: number;
  /** In the container. */
  readonly containerPid: number;
  /** On the host. */
  readonly parentPid: number;
  /** On the host; effective. */
  readonly uid: number;
  /** ms of CPU time, that of its children not among it. */
  readonly cpuMs: number;
  /** Resident set, bytes. */
  readonly memoryBytes: number;
  /** ms since the epoch, exact to a second. */
  readonly startedAt: number;
  /** Its arguments; `[name]` where it has none left to show. */
  readonly command: string;
}

/**
 * Processes in the container's cgroup (`tsstack/shop-3f9a1c2e/web-1`) that are in a pid namespace of its own too, by their number there.
 * Those that end while they are looked at are left out.
 */
export function observeProcesses(layout: CgroupLayout, path: string): ProcessState[] {
  const bootedAt = parseBootTime(readFileSync('/proc/stat', 'utf8'));
  return processesIn(layout, path)
    .flatMap((pid) => observe(pid, bootedAt) ?? [])
    .sort((a, b) => a.containerPid - b.containerPid);
}

/** Pids on the host of what is in a container's cgroup, taken from the hierarchy that every container is in. */
export function processesIn(layout: CgroupLayout, path: string): number[] {
  const directory = identityDirectory(layout, path);
  return directory === undefined ? [] : processesOf(directory);
}

/** The container's cgroup in the hierarchy that all of them are in. Undefined: this host has no cgroups. */
export function identityDirectory(layout: CgroupLayout, path: string): string | undefined {
  const controller = identityController(layout);
  const mountPoint = layout.unified ?? (controller === undefined ? undefined : layout.controllers[controller]);
  return mountPoint === undefined ? undefined : `${mountPoint}/${path}`;
}

/** A file of /proc/<pid>. Undefined: the process has ended, or the kernel was built without that file. */
export function readOfProcess(pid: number, file: string): string | undefined {
  return unlessErrno(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
}

function observe(pid: number, bootedAt: number): ProcessState | undefined {
  const [stat, status, command] = [readOfProcess(pid, 'stat'), readOfProcess(pid, 'status'), readOfProcess(pid, 'cmdline')];
  if (stat === undefined || status === undefined || command === undefined) return undefined;
  const parsed = parseProcessStat(stat);
  return parsed && stateOf(pid, { stat: parsed, status: parseProcessStatus(status), command: parseCommandLine(command), bootedAt });
}

interface Read {
  readonly stat: ProcessStat;
  readonly status: ProcessStatus;
  readonly command: string;
  readonly bootedAt: number;
}

function stateOf(pid: number, { stat, status, command, bootedAt }: Read): ProcessState | undefined {
  // A launcher on its way in is in the cgroup already and in the namespace not yet.
  const [, containerPid] = status.pids;
  if (containerPid === undefined) return undefined;
  return {
    pid,
    containerPid,
    parentPid: stat.parentPid,
    uid: status.uid,
    cpuMs: (stat.cpuTicks * 1000) / TICKS_PER_SECOND,
    memoryBytes: status.residentBytes,
    startedAt: bootedAt + (stat.startTicks * 1000) / TICKS_PER_SECOND,
    command: command === '' ? `[${stat.comm}]` : command,
  };
}
