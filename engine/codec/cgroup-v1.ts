import type { CgroupLimits, CgroupWrite } from '../model/cgroup.ts';
import { CPU_PERIOD_US } from './cgroup-v2.ts';

/**
 * Limits as v1 files (Documentation/admin-guide/cgroup-v1, scheduler/sched-bwc.rst), in the order a fresh cgroup takes them:
 * memory.limit_in_bytes before memory.memsw.limit_in_bytes, which may never be the smaller of the two.
 * `cpuset.mems` is not here: v1 wants it set before a task may enter, and its only right value is the parent's (the driver copies it).
 */
export function cgroupV1Writes(limits: CgroupLimits): CgroupWrite[] {
  const { cpus, cpuShares, cpuset, memory, memoryReservation, swap, pids } = limits;
  return [
    ...write('cpu.cfs_period_us', cpus === undefined ? undefined : CPU_PERIOD_US),
    ...write('cpu.cfs_quota_us', cpus === undefined ? undefined : Math.round(cpus * CPU_PERIOD_US)),
    ...write('cpu.shares', cpuShares),
    ...write('cpuset.cpus', cpuset),
    ...write('memory.limit_in_bytes', memory),
    ...write('memory.soft_limit_in_bytes', memoryReservation),
    // v1 limits memory and swap together, so that swap alone cannot be said.
    ...write('memory.memsw.limit_in_bytes', memory === undefined || swap === undefined ? undefined : memory + swap),
    ...write('pids.max', pids),
  ];
}

/** The files above, and what to write when there is no limit. `cpuset.cpus` has no such value: it is the parent's. */
export const V1_NO_LIMIT: Readonly<Record<string, string>> = {
  'cpu.cfs_period_us': String(CPU_PERIOD_US),
  'cpu.cfs_quota_us': '-1',
  'cpu.shares': '1024',
  'memory.limit_in_bytes': '-1',
  'memory.soft_limit_in_bytes': '-1',
  'memory.memsw.limit_in_bytes': '-1',
  'pids.max': 'max',
};

/** `memory.limit_in_bytes` is in the hierarchy of the `memory` controller. */
function write(file: string, limit: number | string | undefined): CgroupWrite[] {
  return limit === undefined ? [] : [{ controller: file.slice(0, file.indexOf('.')), file, value: String(limit) }];
}
