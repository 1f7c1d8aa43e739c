/**
 * What a container uses. Where the kernel keeps the account in a cgroup of the container's, that is what is read. But a container is in the
 * cgroup of a v1 controller only if one of its limits needs it (`cgroupDirectories`), and a v2 hierarchy beside v1 has no controllers: then
 * it is added up over the container's processes.
 */
import { existsSync, readFileSync } from 'node:fs';
import {
  type IoBytes,
  parseCpuacctUsage,
  parseCpuStat,
  parseIoServiceBytes,
  parseIoStat,
  parseLimit,
  workingSet,
} from '../codec/cgroup-usage.ts';
import { controllerOf } from '../codec/cgroup-writes.ts';
import {
  parseNetworkCounters,
  parseProcessIo,
  parseProcessStat,
  parseProcessStatus,
  parseProportionalSet,
  TICKS_PER_SECOND,
} from '../codec/proc-process.ts';
import type { CgroupLayout } from '../model/cgroup.ts';
import { processesIn, readOfProcess } from './processes.ts';
import { unlessErrno } from './system-error.ts';

/** See `ContainerStats` for units. */
export interface Usage extends IoBytes {
  readonly cpuUsec: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number | undefined;
  readonly pids: number;
  readonly pidsLimit: number | undefined;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface Measured {
  /** `tsstack/shop-3f9a1c2e/web-1` */
  readonly path: string;
  readonly initPid: number;
}

/**
 * - CPU: v2 `cpu.stat`, which every v2 cgroup has, or v1 `cpuacct.usage`; so since the cgroup was made, which outlives a restart of the
 *   container. Else the time of its processes and of their children that were waited for, to a hundredth of a second.
 * - Memory: usage without inactive page cache. Else the proportional set sizes of its processes: no page cache, no kernel memory.
 * - Pids: tasks, threads among them, as `pids.max` limits them.
 * - I/O: v2 `io.stat` or v1 `blkio`. Else what its processes, and their children that were waited for, made the storage read and write.
 * - Network: the counters of its interfaces but `lo`.
 * Undefined: it has ended.
 */
export function sampleUsage(layout: CgroupLayout, { path, initPid }: Measured): Usage | undefined {
  const network = readOfProcess(initPid, 'net/dev');
  if (network === undefined) return undefined;
  const from: Source = { layout, path, processes: processesIn(layout, path) };
  return { ...cpu(from), ...memory(from), ...pids(from), ...io(from), ...parseNetworkCounters(network) };
}

interface Source {
  readonly layout: CgroupLayout;
  readonly path: string;
  /** Pids on the host. */
  readonly processes: readonly number[];
}

function cpu(from: Source): Pick<Usage, 'cpuUsec'> {
  const unified = parseCpuStat(readUnified(from, 'cpu.stat') ?? '');
  if (unified !== undefined) return { cpuUsec: unified };
  const legacy = readLegacy(from, 'cpuacct', 'cpuacct.usage');
  if (legacy !== undefined) return { cpuUsec: parseCpuacctUsage(legacy) };
  const ticks = sumOver(from.processes, 'stat', (text) => {
    const stat = parseProcessStat(text);
    return stat === undefined ? 0 : stat.cpuTicks + stat.childrenTicks;
  });
  return { cpuUsec: (ticks * 1e6) / TICKS_PER_SECOND };
}

function memory(from: Source): Pick<Usage, 'memoryBytes' | 'memoryLimitBytes'> {
  const current = readUnified(from, 'memory.current');
  if (current !== undefined) {
    const limit = readUnified(from, 'memory.max');
    return { memoryBytes: workingSet(current, readUnified(from, 'memory.stat') ?? ''), memoryLimitBytes: limitIn(limit) };
  }
  const legacy = readLegacy(from, 'memory', 'memory.usage_in_bytes');
  if (legacy !== undefined) {
    const limit = readLegacy(from, 'memory', 'memory.limit_in_bytes');
    return { memoryBytes: workingSet(legacy, readLegacy(from, 'memory', 'memory.stat') ?? ''), memoryLimitBytes: limitIn(limit) };
  }
  const memoryBytes = from.processes.reduce((total, pid) => total + memoryOf(pid), 0);
  return { memoryBytes, memoryLimitBytes: undefined };
}

/** Without CONFIG_PROC_PAGE_MONITOR there is no `smaps_rollup`, and what is shared counts for each that shares it. */
function memoryOf(pid: number): number {
  const proportional = parseProportionalSet(readOfProcess(pid, 'smaps_rollup') ?? '');
  return proportional ?? parseProcessStatus(readOfProcess(pid, 'status') ?? '').residentBytes;
}

function pids(from: Source): Pick<Usage, 'pids' | 'pidsLimit'> {
  const current = readUnified(from, 'pids.current') ?? readLegacy(from, 'pids', 'pids.current');
  if (current !== undefined) {
    return { pids: Number(current), pidsLimit: limitIn(readUnified(from, 'pids.max') ?? readLegacy(from, 'pids', 'pids.max')) };
  }
  const threads = sumOver(from.processes, 'stat', (text) => parseProcessStat(text)?.threads ?? 0);
  return { pids: threads, pidsLimit: undefined };
}

function io(from: Source): IoBytes {
  const unified = readUnified(from, 'io.stat');
  if (unified !== undefined) return parseIoStat(unified);
  const legacy = readLegacy(from, 'blkio', 'blkio.throttle.io_service_bytes_recursive');
  if (legacy !== undefined) return parseIoServiceBytes(legacy);
  return {
    readBytes: sumOver(from.processes, 'io', (text) => parseProcessIo(text).readBytes),
    writtenBytes: sumOver(from.processes, 'io', (text) => parseProcessIo(text).writtenBytes),
  };
}

function sumOver(processes: readonly number[], file: string, valueIn: (text: string) => number): number {
  return processes.reduce((total, pid) => {
    const text = readOfProcess(pid, file);
    return text === undefined ? total : total + valueIn(text);
  }, 0);
}

function limitIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseLimit(text);
}

/** A file that isn't there costs ten times as much as one that is: what can't be there isn't looked for. */
function readUnified({ layout, path }: Source, file: string): string | undefined {
  if (layout.unified === undefined) return undefined;
  const offered = file === 'cpu.stat' || layout.unifiedControllers.includes(controllerOf(file));
  return offered ? readIfThere(`${layout.unified}/${path}/${file}`) : undefined;
}

function readLegacy({ layout, path }: Source, controller: string, file: string): string | undefined {
  const mountPoint = layout.controllers[controller];
  return mountPoint === undefined || !existsSync(`${mountPoint}/${path}`) ? undefined : readIfThere(`${mountPoint}/${path}/${file}`);
}

function readIfThere(path: string): string | undefined {
  return unlessErrno(['ENOENT', 'ENODEV'], () => readFileSync(path, 'utf8'));
}
