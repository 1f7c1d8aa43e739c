import { readFileSync, readlinkSync } from 'node:fs';
import type { MountState } from '../codec/missing-mounts.ts';
import { parseMountinfo } from '../codec/mountinfo.ts';
import { systemError, unlessErrno } from './system-error.ts';

/**
 * What is mounted in the mount namespace of a process, as that process sees it. Empty if its root was unmounted (proc_pid_mountinfo(5)
 * shows what can be reached from there). Undefined: it is gone.
 */
export function observeMounts(pid: number): readonly MountState[] | undefined {
  try {
    // EINVAL: it is a zombie, without namespaces (fs/proc_namespace.c, mounts_open_common).
    const text = unlessErrno(['ENOENT', 'ESRCH', 'EINVAL'], () => readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));
    if (text === undefined) return undefined;
    return parseMountinfo(text).map(({ mountPoint, root, type, source }) => ({ target: mountPoint, root, fsType: type, source }));
  } catch (error) {
    throw systemError(`cannot read the mounts of process \`${pid}\``, error);
  }
}

/**
 * Where a path of the container is when the symlinks in it are followed within the container's root, `..` not above it. For
 * `missingMounts`: a target `/var/run/x` is mounted at `/run/x` where `/var/run` is a link. What isn't there stays as it is. Links are
 * read one by one, so that none of them is ever followed on the host.
 */
export function targetResolver(pid: number): (target: string) => string {
  return (target) => {
    let resolved: string[] = [];
    const pending = target.split('/').reverse();
    for (let links = 0; pending.length > 0; ) {
      const name = pending.pop() ?? '';
      if (name === '' || name === '.') continue;
      if (name === '..') {
        resolved.pop();
        continue;
      }
      const link = readLink(`/proc/${pid}/root/${[...resolved, name].join('/')}`);
      if (link === undefined) {
        resolved.push(name);
        continue;
      }
      if (++links > MAX_LINKS) return target;
      if (link.startsWith('/')) resolved = [];
      pending.push(...link.split('/').reverse());
    }
    return `/${resolved.join('/')}`;
  };
}

/** path_resolution(7). */
const MAX_LINKS = 40;

/** Undefined: it is none (EINVAL), or isn't there. */
function readLink(path: string): string | undefined {
  return unlessErrno(['EINVAL', 'ENOENT', 'ENOTDIR', 'ESRCH'], () => readlinkSync(path));
}
