import type { Finding, Host } from './host.ts';

/** Limits of a service and the controller each needs; the same names in v1 and v2 (cgroup-v1/, cgroup-v2.rst). */
const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'];

export function checkCgroups(host: Host): Finding {
  const name = 'cgroups';
  const mounts = (host.readText('/proc/self/mountinfo') ?? '').split('\n').map(parseMount);
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  const legacy = mounts.filter(({ type }) => type === 'cgroup').flatMap(({ superOptions }) => superOptions);
  const unifiedControllers = unified === undefined ? [] : (host.readText(`${unified.point}/cgroup.controllers`) ?? '').trim().split(' ');
  if (unified === undefined && legacy.length === 0) {
    return { name, status: 'missing', detail: 'no hierarchy is mounted', advice: 'mount one: `mount -t cgroup2 none /sys/fs/cgroup`' };
  }
  const mode =
    unified === undefined ? 'legacy (v1)' : legacy.some((option) => CONTROLLERS.includes(option)) ? 'hybrid (v1 and v2)' : 'unified (v2)';
  const absent = CONTROLLERS.filter((controller) => !unifiedControllers.includes(controller) && !legacy.includes(controller));
  if (absent.length === 0) return { name, status: 'ok', detail: `${mode}: ${CONTROLLERS.join(', ')}` };
  const advice = 'limits of these kinds will not be enforced; the kernel command line may turn them on (`cgroup_enable=memory`)';
  return { name, status: 'warning', detail: `${mode}, without ${absent.join(', ')}`, advice };
}

/** proc_pid_mountinfo(5): the mount point is the fifth field; the type and super options follow a lone `-`. */
function parseMount(line: string): { readonly point: string; readonly type: string; readonly superOptions: readonly string[] } {
  const [before = '', after = ''] = line.split(' - ');
  const [type = '', , options = ''] = after.split(' ');
  return { point: before.split(' ')[4] ?? '', type, superOptions: options.split(',') };
}
