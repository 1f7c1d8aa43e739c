/** unified: v2 only. legacy: v1 only. hybrid: v1 controllers beside a v2 mount without them. */
export type CgroupMode = 'unified' | 'legacy' | 'hybrid';

/** Where this host mounts what. */
export interface CgroupLayout {
  readonly mode: CgroupMode;
  /** Mount point of the v2 hierarchy: `/sys/fs/cgroup` or `/sys/fs/cgroup/unified`. Undefined in legacy mode. */
  readonly unified: string | undefined;
  /** v1 controller → mount point, e.g. `memory` → `/sys/fs/cgroup/memory`. Empty in unified mode. */
  readonly controllers: Readonly<Record<string, string>>;
  /** Controllers that the v2 root offers (`cgroup.controllers`). */
  readonly unifiedControllers: readonly string[];
  /** False: the memory controller was booted without swap accounting, so swap cannot be limited. Absent: it can. */
  readonly swapAccounting?: boolean;
}

export interface CgroupLimits {
  readonly cpus?: number | undefined;
  readonly cpuShares?: number | undefined;
  readonly cpuset?: string | undefined;
  readonly memory?: number | undefined;
  readonly memoryReservation?: number | undefined;
  readonly swap?: number | undefined;
  readonly pids?: number | undefined;
}

/** One write to one file. `controller` is the v1 hierarchy, or `unified`. Order matters: v1 keeps memory ≤ memsw at every moment, so memsw goes first when raised, last when lowered. */
export interface CgroupWrite {
  readonly controller: string;
  /** `memory.max`, `cpu.cfs_quota_us`, … */
  readonly file: string;
  readonly value: string;
}

/** Processes of a cgroup that were killed for want of memory. */
export interface OomCount {
  /** Never given to another cgroup of this boot. */
  readonly cgroup: bigint;
  /** Since the cgroup was made. */
  readonly kills: number;
  /** It is counted a moment after the event, or never: v1. */
  readonly late: boolean;
}
