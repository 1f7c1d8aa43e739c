import type { CgroupLayout, CgroupLimits } from '../model/cgroup.ts';
import { cgroupWrites } from './cgroup-writes.ts';
import { type MountEntry, parseMountinfo } from './mountinfo.ts';

/** The v1 controllers a limit of ours can need. */
const V1_CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'] as const;

/**
 * Where this host mounts which cgroup hierarchy.
 * `unifiedControllers`: content of `cgroup.controllers` at the root of the v2 hierarchy; undefined if there is none.
 */
export function parseCgroupLayout(
  mountinfo: string,
  unifiedControllers: string | undefined,
  options: { readonly swapAccounting: boolean } = { swapAccounting: true },
): CgroupLayout {
  const mounts = parseMountinfo(mountinfo);
  const unified = unifiedMount(mounts);
  const controllers = legacyControllers(mounts);
  const hasLegacy = Object.keys(controllers).length > 0;
  return {
    mode: unified === undefined ? 'legacy' : hasLegacy ? 'hybrid' : 'unified',
    unified,
    controllers,
    unifiedControllers: (unifiedControllers ?? '').split(/\s+/).filter((name) => name !== ''),
    ...(options.swapAccounting ? {} : { swapAccounting: false }),
  };
}

/** Mount point of the v2 hierarchy. Under several, the customary ones win (systemd's and the FHS's), then the first. */
export function unifiedMountPoint(mountinfo: string): string | undefined {
  return unifiedMount(parseMountinfo(mountinfo));
}

/**
 * The directories a container is to be born in.
 * A v1 directory is made only where a limit needs it (each costs an mkdir and an attach); the v2 one always: it names the container,
 * is what CLONE_INTO_CGROUP takes, holds `cgroup.kill`, and needs no controllers for that.
 * Without a v2 hierarchy one v1 hierarchy plays that part (`identityController`).
 */
export function cgroupDirectories(path: string, limits: CgroupLimits, layout: CgroupLayout): CgroupDirectories {
  const used = new Set(cgroupWrites(limits, layout).map((write) => write.controller));
  const identity = identityController(layout);
  if (identity !== undefined) used.add(identity);
  const mountPoints = new Set(V1_CONTROLLERS.filter((name) => used.has(name)).map((name) => layout.controllers[name]));
  const legacy = [...mountPoints].filter((point) => point !== undefined).map((point) => `${point}/${path}`);
  return {
    unified: layout.unified === undefined ? undefined : `${layout.unified}/${path}`,
    legacy,
    oomFile: oomFile(path, { layout, memoryLimited: used.has('memory') }),
  };
}

export interface CgroupDirectories {
  readonly unified: string | undefined;
  readonly legacy: readonly string[];
  /** File with a line `oom_kill N`. Undefined: this host does not count OOM kills for this container. */
  readonly oomFile: string | undefined;
}

/** The hierarchy that every container's cgroup is in: undefined means the v2 one. */
export function identityController(layout: CgroupLayout): string | undefined {
  if (layout.unified !== undefined) return undefined;
  return ['pids', 'memory', 'cpu', 'cpuset'].find((name) => layout.controllers[name] !== undefined);
}

/** cgroup-v2.rst, "memory.events"; cgroup-v1/memory.rst, "OOM Control". */
function oomFile(path: string, at: { readonly layout: CgroupLayout; readonly memoryLimited: boolean }): string | undefined {
  const legacy = at.layout.controllers['memory'];
  if (legacy !== undefined) return at.memoryLimited ? `${legacy}/${path}/memory.oom_control` : undefined;
  if (at.layout.unified === undefined || !at.layout.unifiedControllers.includes('memory')) return undefined;
  return `${at.layout.unified}/${path}/memory.events`;
}

function unifiedMount(mounts: readonly MountEntry[]): string | undefined {
  const points = mounts.filter((mount) => mount.type === 'cgroup2').map((mount) => mount.mountPoint);
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((point) => points.includes(point)) ?? points[0];
}

/** A v1 mount names its controllers among the super options: `rw,cpu,cpuacct`. `name=systemd` has none. */
function legacyControllers(mounts: readonly MountEntry[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const mount of mounts.filter((candidate) => candidate.type === 'cgroup')) {
    for (const option of mount.superOptions.filter((name) => /^[a-z_]+$/.test(name))) {
      if (KNOWN_V1.has(option)) found[option] ??= mount.mountPoint;
    }
  }
  return found;
}

/** cgroups(7), "Cgroups version 1 controllers". Other super options (`rw`, `clone_children`, `xattr`) are not controllers. */
const KNOWN_V1 = new Set('cpu cpuacct cpuset memory devices freezer net_cls blkio perf_event net_prio hugetlb pids rdma misc'.split(' '));
