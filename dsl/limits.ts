import type { IssuePath } from './issues.ts';
import type { LimitsShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { LimitsSpec } from './spec.ts';
import { parseSize } from './units.ts';

/** Docker's floor: below it a container's init is killed before it runs. */
const LEAST_MEMORY = 6 * 2 ** 20;
/** The kernel takes a quota of 1 ms in a period of 100 ms at least (min_cfs_quota_period, kernel/sched/core.c). */
const LEAST_CPUS = 0.01;

export function readLimits(written: LimitsShape, path: IssuePath, scope: Scope): LimitsSpec {
  const wrong = (key: keyof LimitsShape, message: string): undefined => scope.log.add([...path, key], written[key], message);
  const size = (key: 'memory' | 'memoryReservation' | 'swap'): number | undefined => {
    const value = written[key];
    return value === undefined
      ? undefined
      : (parseSize(value) ?? wrong(key, 'must be a size such as `512MiB`, or a whole number of bytes'));
  };
  const memory = size('memory');
  const memoryReservation = size('memoryReservation');
  const swap = size('swap');
  const { cpus, cpuShares, cpuset, pids } = written;
  if (memory !== undefined && memory < LEAST_MEMORY) wrong('memory', 'is too little to start a container: the least is 6 MiB');
  if (memoryReservation !== undefined && memory !== undefined && memoryReservation > memory) {
    wrong('memoryReservation', 'must not be more than `memory`');
  }
  if (swap !== undefined && written.memory === undefined) wrong('swap', 'needs a limit of `memory`, beyond which it is counted');
  if (cpus !== undefined && !(Number.isFinite(cpus) && cpus >= LEAST_CPUS)) wrong('cpus', 'must be 0.01 or more');
  if (cpuShares !== undefined && !isWhole(cpuShares, 2, 262_144)) wrong('cpuShares', 'must be a whole number, 2 … 262144');
  if (cpuset !== undefined && !isCpuList(cpuset)) wrong('cpuset', 'must be a list of CPUs such as `0-1,3`');
  if (pids !== undefined && !isWhole(pids, 1, 4_194_304)) wrong('pids', 'must be a whole number, 1 … 4194304');
  return { cpus, cpuShares, cpuset, memory, memoryReservation, swap, pids };
}

export const NO_LIMITS: LimitsSpec = {
  cpus: undefined,
  cpuShares: undefined,
  cpuset: undefined,
  memory: undefined,
  memoryReservation: undefined,
  swap: undefined,
  pids: undefined,
};

/** List format of cpuset(7), without strides. */
function isCpuList(text: string): boolean {
  return text.split(',').every((part) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    return match !== null && (match[2] === undefined || Number(match[2]) >= Number(match[1]));
  });
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
