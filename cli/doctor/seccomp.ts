import type { Finding, Host } from './host.ts';

/** /proc/pid/status has a line for it if the kernel has filters (proc_pid_status(5)). */
export function checkSeccomp(host: Host): Finding {
  const name = 'seccomp';
  const filters = /^Seccomp_filters:/m.test(host.readText('/proc/self/status') ?? '') || host.exists('/proc/sys/kernel/seccomp');
  if (filters) return { name, status: 'ok', detail: 'filters available' };
  const advice = 'use a kernel with CONFIG_SECCOMP_FILTER; without it containers may make any system call';
  return { name, status: 'warning', detail: 'no filters in this kernel', advice };
}
