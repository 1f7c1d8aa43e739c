import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { unlessErrno } from './system-error.ts';

/** Processes come and go while they are looked at, and those of other namespaces may not be looked into. */
const GONE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

/**
 * Who holds sockets, by inode: `node (pid 4711)`. Reads the fds of every process: tens of milliseconds on a busy host, so it is for
 * the case that something is in the way.
 */
export function socketHolders(inodes: readonly number[]): ReadonlyMap<number, string> {
  const wanted = new Map(inodes.map((inode) => [`socket:[${inode}]`, inode]));
  const holders = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of unlessErrno(GONE, () => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const inode = wanted.get(unlessErrno(GONE, () => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '');
      if (inode === undefined || holders.has(inode)) continue;
      const command = unlessErrno(GONE, () => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? 'unknown';
      holders.set(inode, `${command} (pid ${pid})`);
    }
  }
  return holders;
}
