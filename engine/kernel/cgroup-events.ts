import { watch } from 'node:fs';
import { readSmallFile } from './cgroup-files.ts';
import { unlessErrno } from './system-error.ts';

/** What v2's `cgroup.events` says (cgroup-v2.rst, "Core Interface Files"). A cgroup that is gone says nothing. */
export interface CgroupEvents {
  readonly populated?: boolean;
  readonly frozen?: boolean;
}

export function readCgroupEvents(directory: string): CgroupEvents {
  const text = unlessErrno(['ENOENT', 'ENODEV'], () => readSmallFile(`${directory}/cgroup.events`)) ?? '';
  return Object.fromEntries([...text.matchAll(/^(\w+) ([01])$/gm)].map(([, name, value]) => [name, value === '1']));
}

/**
 * Resolves when `cgroup.events` of a directory is as wanted; rejects with the signal's reason. The kernel reports a change of it as a modification
 * of the file (cgroup-v2.rst, "(Un)populated Notification").
 */
export function untilCgroupEvents(
  directory: string,
  { holds, signal }: { readonly holds: (events: CgroupEvents) => boolean; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(`${directory}/cgroup.events`);
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      watcher.close();
      finish();
    };
    const onAbort = (): void => settle(() => reject(signal.reason));
    const check = (): void => {
      try {
        if (holds(readCgroupEvents(directory))) settle(resolve);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    watcher.on('change', check);
    watcher.on('error', (error) => settle(() => reject(error)));
    signal.addEventListener('abort', onAbort);
    // Aborted before it was listened for, or so before it was watched.
    if (signal.aborted) onAbort();
    else check();
  });
}
