import type { CgroupLimits, CgroupWrite } from '../model/cgroup.ts';

/** µs. The kernel's default period (cgroup-v2.rst, "cpu.max"), and the one Compose uses. */
export const CPU_PERIOD_US = 100_000;

/** Limits as v2 files (cgroup-v2.rst). Only what is limited; `V2_NO_LIMIT` takes a limit away. */
export function cgroupV2Writes(limits: CgroupLimits): CgroupWrite[] {
  return [
    ...write('cpu.max', limits.cpus, (cpus) => `${Math.round(cpus * CPU_PERIOD_US)} ${CPU_PERIOD_US}`),
    ...write('cpu.weight', limits.cpuShares, (shares) => String(cpuWeight(shares))),
    ...write('cpuset.cpus', limits.cpuset, (list) => list),
    ...write('memory.max', limits.memory, String),
    ...write('memory.low', limits.memoryReservation, String),
    ...write('memory.swap.max', limits.swap, String),
    ...write('pids.max', limits.pids, String),
  ];
}

/**
 * The files above and what they hold when there is no limit (cgroup-v2.rst gives each default).
 * An empty `cpuset.cpus` means the CPUs of the parent.
 */
export const V2_NO_LIMIT: Readonly<Record<string, string>> = {
  'cpu.max': `max ${CPU_PERIOD_US}`,
  'cpu.weight': '100',
  'cpuset.cpus': '',
  'memory.max': 'max',
  'memory.low': '0',
  'memory.swap.max': 'max',
  'pids.max': 'max',
};

/**
 * v1 shares (2 … 262144) → v2 weight (1 … 10000), so that 2, 1024 and 262144 become 1, 100 and 10000.
 * The curve is the one runc ≥ 1.3.2 and crun ≥ 1.23 use: log10 w = (l² + 125 l) / 612 − 7/34 with l = log2 shares, rounded up.
 * The older straight line made of the normal 1024 a weight of 39, against 100 of every cgroup without one.
 */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const l = Math.log2(shares);
  const weight = 10 ** ((l * l + 125 * l) / 612 - 7 / 34);
  // What floating point adds to a whole number must not be rounded up to the next.
  return Math.ceil(weight - 1e-9);
}

function write<T>(file: string, limit: T | undefined, encode: (limit: T) => string): CgroupWrite[] {
  return limit === undefined ? [] : [{ controller: 'unified', file, value: encode(limit) }];
}
