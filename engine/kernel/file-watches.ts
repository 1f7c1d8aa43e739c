import { closeSync, type FSWatcher, openSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { TsstackError } from '../model/errors.ts';
import { errnoOf, systemError, unlessErrno } from './system-error.ts';

/** Which files are watched for changes by whatever process. */
export interface FileWatches extends Disposable {
  /**
   * Watches these files and no others; absolute paths, without symlinks in their directories. To be called again whenever something
   * may have come back in place of what was there: a directory that was replaced is watched anew, one that isn't there is left
   * for the next call. Look at the files after it, not before, or what happens in between goes unseen.
   * @throws TsstackError if the limits of inotify are reached; what could be watched is.
   */
  set(paths: ReadonlySet<string>): void;
}

/**
 * Calls back with the path of a file that was written to, created, deleted or replaced, or whose mode or owner changed. Of a directory:
 * that it came or went, not what is in it. Doesn't keep Node alive.
 *
 * It is inotify(7), with one watch for each directory. What that sees of the kernel's own files (measured on 6.18):
 * - cgroup files, v1 and v2: writes, by any process and through any mount of the hierarchy. That a cgroup was removed is told to
 *   its parent directory alone, so put the cgroup's path in the set too. What changes without a write (memory.current) is not told,
 *   but for what kernfs_notify() tells: `cgroup.events` and `memory.events` of v2.
 * - /proc/sys: writes through this very mount of proc, and not those through another one (of a container with the host's network and
 *   its own process namespace), which has inodes of its own. Forwarding is told by netconf whoever switches it. The inodes live
 *   as long as somebody uses them; the directory is held open, or a drop of caches would end the watch without a word. A link
 *   that goes takes its directory along unseen: rtnetlink tells.
 *
 * INVARIANTS. One entry for each directory with a wanted file, if the directory is there. An entry's watch is on the inode it says.
 */
export function watchFiles(onChange: (path: string) => void): FileWatches {
  const entries = new Map<string, Entry>();
  const drop = (directory: string): void => {
    entries.get(directory)?.close();
    entries.delete(directory);
  };
  return {
    set(paths) {
      const wanted = byDirectory(paths);
      const failures: unknown[] = [];
      for (const directory of [...entries.keys()]) if (!wanted.has(directory)) drop(directory);
      for (const [directory, names] of wanted) {
        const inode = inodeOf(directory);
        const known = entries.get(directory);
        if (known?.stale || known?.inode !== inode) drop(directory);
        const entry = entries.get(directory);
        if (entry !== undefined) entry.names = names;
        if (entry !== undefined || inode === undefined) continue;
        try {
          const opened = open(directory, { names, inode }, onChange);
          if (opened !== undefined) entries.set(directory, opened);
        } catch (error) {
          failures.push(error);
        }
      }
      // Others fail for the same reason: a limit.
      if (failures.length > 0) throw failures[0];
    },
    [Symbol.dispose]() {
      for (const directory of [...entries.keys()]) drop(directory);
    },
  };
}

interface Entry {
  names: ReadonlySet<string>;
  readonly inode: string;
  /** Its watch may have ended. */
  stale: boolean;
  close(): void;
}

function byDirectory(paths: ReadonlySet<string>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const path of paths) {
    const directory = dirname(path);
    const names = found.get(directory);
    if (names === undefined) found.set(directory, new Set([basename(path)]));
    else names.add(basename(path));
  }
  return found;
}

/**
 * Undefined: there is no such directory. A disk's file system may give the number to the next directory at once, but inotify tells of the end of
 * this one; of cgroups and /proc/sys it doesn't, and there numbers don't come back.
 */
function inodeOf(directory: string): string | undefined {
  return unlessErrno(GONE, () => {
    const { dev, ino } = statSync(directory, { bigint: true });
    return `${dev}:${ino}`;
  });
}

/** ENODEV: a cgroup that is being removed. */
const GONE = ['ENOENT', 'ENOTDIR', 'ENODEV'];

/** Undefined: it is gone by now. */
function open(directory: string, { names, inode }: Pick<Entry, 'names' | 'inode'>, onChange: (path: string) => void): Entry | undefined {
  const held = directory.startsWith('/proc/') ? unlessErrno(GONE, () => openSync(directory, 'r')) : undefined;
  const release = (): void => {
    if (held !== undefined) closeSync(held);
  };
  const watcher = startWatch(directory, release);
  if (watcher === undefined) return undefined;
  const entry: Entry = {
    names,
    inode,
    stale: false,
    close() {
      watcher.close();
      release();
    },
  };
  const tellAll = (): void => {
    for (const name of entry.names) onChange(`${directory}/${name}`);
  };
  watcher.on('change', (kind, name) => {
    // With the directory's own name it is about the directory, and so about all of it: `rename` that it was moved or deleted.
    const own = typeof name !== 'string' || name === basename(directory);
    if (own && kind === 'rename') entry.stale = true;
    if (own) tellAll();
    else if (entry.names.has(name)) onChange(`${directory}/${name}`);
  });
  // Reading inotify's descriptor failed. Whoever is told looks for himself and calls `set`, which tries again.
  watcher.on('error', () => {
    entry.stale = true;
    tellAll();
  });
  return entry;
}

function startWatch(directory: string, release: () => void): FSWatcher | undefined {
  try {
    return watch(directory, { persistent: false });
  } catch (cause) {
    release();
    const errno = errnoOf(cause);
    if (errno !== undefined && GONE.includes(errno)) return undefined;
    const limit = LIMITS[errno ?? ''];
    if (limit === undefined) throw systemError(`cannot watch \`${directory}\``, cause);
    throw new TsstackError(`cannot watch \`${directory}\`: ${limit.why}`, { code: 'kernel', hint: limit.hint, cause });
  }
}

/** inotify_add_watch(2), inotify_init(2). */
const LIMITS: Readonly<Record<string, { readonly why: string; readonly hint: string }>> = {
  ENOSPC: {
    why: "this user's inotify watches are used up",
    hint: 'raise `fs.inotify.max_user_watches`, e.g. `sysctl -w fs.inotify.max_user_watches=524288`',
  },
  EMFILE: {
    why: "this user's inotify instances are used up, or this process's file descriptors",
    hint: 'raise `fs.inotify.max_user_instances`, e.g. `sysctl -w fs.inotify.max_user_instances=1024`',
  },
};
