import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';

/**
 * What the only container of a project is made of, as the kernel tells it.
 * @param {import('./sides.mjs').Side} side @param {string} directory @param {string} sys where a sysfs of this network namespace is mounted
 */
export async function survey(side, directory, sys) {
  const [number] = await side.containers(directory);
  const pid = String(number);
  const json = async (...argv) => JSON.parse((await run(argv)).stdout);
  const [inside] = await json('nsenter', '-t', pid, '-n', 'ip', '-4', '-j', 'address', 'show', 'dev', 'eth0');
  const links = await json('ip', '-j', 'link');
  const outside = links.find(({ ifindex }) => ifindex === inside.link_index);
  const [{ local, prefixlen }] = inside.addr_info;
  return {
    pid,
    sys,
    parent: Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]),
    veth: outside.ifname,
    bridge: outside.master,
    address: `${local}/${prefixlen}`,
    memoryLimit: memoryLimit(pid),
    hostsFile: hostsFile(pid),
  };
}

/** proc_pid_cgroup(5): `4:memory:/path`, or of version 2 `0::/path`. */
export function memoryLimit(pid) {
  const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const v1 = /^\d+:memory:(.*)$/m.exec(text)?.[1];
  if (v1 !== undefined) return join('/sys/fs/cgroup/memory', v1, 'memory.limit_in_bytes');
  return join('/sys/fs/cgroup', /^0::(.*)$/m.exec(text)[1], 'memory.max');
}

/** proc_pid_mountinfo(5): the fourth field is the path in its filesystem, which is the host's path if that is the root filesystem. */
function hostsFile(pid) {
  const line = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .find((text) => text.split(' ')[4] === '/etc/hosts');
  return line.split(' ')[3];
}

/** /sys itself may be of another network namespace: what is below class/net is of the one that mounted it. @param {string} base */
export function mountSysfs(base) {
  const path = join(base, 'sys');
  mkdirSync(path);
  execFileSync('mount', ['-t', 'sysfs', '-o', 'ro', 'sysfs', path]);
  const unmount = () => {
    execFileSync('umount', [path]);
    rmdirSync(path);
  };
  return { path, unmount };
}
