import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isToldBeforeCounted, parseOomKills } from '../codec/oom-kills.ts';
import type { OomCount } from '../model/cgroup.ts';
import { unlessErrno } from './system-error.ts';

/** From a container's `LaunchSpec.oomFile`. Undefined: the cgroup is gone. */
export function readOomCount(file: string): OomCount | undefined {
  return unlessErrno(['ENOENT', 'ENODEV'], () => {
    const fd = openSync(file, 'r');
    try {
      // 64-bit inode numbers of kernfs are never given again (fs/kernfs/dir.c, __kernfs_new_node).
      const { ino: cgroup } = fstatSync(fd, { bigint: true });
      return { cgroup, kills: parseOomKills(readFileSync(fd, 'latin1')), late: isToldBeforeCounted(file) };
    } finally {
      closeSync(fd);
    }
  });
}
