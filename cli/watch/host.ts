import { lstatSync, realpathSync, statSync } from 'node:fs';
import type { Host } from './followed.ts';

/** What can't be looked at (a name that is no directory on the way, no permission) counts as not there: it is looked for again with each change. */
export const host: Host = {
  kindOf(path) {
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat?.isDirectory() ? 'directory' : stat?.isFile() ? 'file' : undefined;
    } catch {
      return undefined;
    }
  },
  realPath(path) {
    try {
      return realpathSync.native(path);
    } catch {
      return path;
    }
  },
};

/** By the inode: a rename over it, which keeps the time of the content, changes that too. */
export function changedAt(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.ctimeMs;
  } catch {
    return undefined;
  }
}

/** Another text when what is there, a link itself rather than what it leads to, is in another state. Nothing there is a state, too. */
export function versionOf(path: string): string {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? '' : `${stat.ino} ${stat.ctimeNs} ${stat.size}`;
  } catch {
    return '';
  }
}
