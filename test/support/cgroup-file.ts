import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Names {
  readonly controller: string;
  readonly v1: string;
  readonly v2: string;
}

/** What a cgroup file of a process says. */
export function cgroupFile(pid: number | undefined, names: Names): string {
  return readFileSync(cgroupPathOf(pid, names), 'utf8').trim();
}

/**
 * Where it is, as the kernel mounts it: on v1 if its controller is on a v1 hierarchy, else v2.
 * Paths as in cgroups(7): each line of /proc/PID/cgroup is `id:controllers:path`; v2's has neither id nor controllers.
 */
export function cgroupPathOf(pid: number | undefined, names: Names): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trimEnd().split('\n');
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const legacyMount = mounts.find(
    (line) => / - cgroup /.test(line) && (line.split(' ').at(-1) ?? '').split(',').includes(names.controller),
  );
  const unifiedMount = mounts.find((line) => / - cgroup2 /.test(line));
  const path = lines
    .map((line) => line.split(':'))
    .find(([, controllers]) => (legacyMount ? controllers?.split(',').includes(names.controller) : controllers === ''))?.[2];
  const mount = (legacyMount ?? unifiedMount)?.split(' ')[4];
  if (path === undefined || mount === undefined) throw new Error(`process ${pid} has no cgroup for ${names.controller}`);
  return join(mount, path, legacyMount ? names.v1 : names.v2);
}

export const memoryMax = { controller: 'memory', v1: 'memory.limit_in_bytes', v2: 'memory.max' };
export const pidsMax = { controller: 'pids', v1: 'pids.max', v2: 'pids.max' };
