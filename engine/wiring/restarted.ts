import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import { readContainerStatus } from '../kernel/container-status.ts';
import { unlessErrno } from '../kernel/system-error.ts';
import type { ContainerStatus } from '../model/container.ts';
import type { Session } from './session.ts';

export interface RestartedOptions {
  /** As it was when its end was seen. */
  readonly since: ContainerStatus;
  readonly signal: AbortSignal;
}

/**
 * Resolves when a container that had ended runs again, or has ended once more; also when it was deleted, which the caller sees when it looks.
 * inotify(7) tells of each line its monitor writes into `status`; nothing is polled. Rejects with the signal's reason.
 */
export async function untilRestarted({ paths, bootId }: Session, name: string, { since, signal }: RestartedOptions): Promise<void> {
  const directory = `${paths.containers}/${name}`;
  const isAnother = () => {
    const { state, createdAt, finishedAt } = readContainerStatus(directory, bootId);
    return state === 'running' || (state === 'stopped' && (createdAt !== since.createdAt || finishedAt !== since.finishedAt));
  };
  for (;;) {
    signal.throwIfAborted();
    // A directory that is gone cannot be watched.
    const watcher = unlessErrno(['ENOENT'], () => watch(directory));
    if (!watcher) return;
    try {
      // Looked at only now that it is watched, so that nothing is missed in between.
      if (isAnother()) return;
      if ((await untilTold(watcher, { directory, isAnother, signal })) === 'restarted') return;
    } finally {
      watcher.close();
    }
  }
}

interface Told {
  readonly directory: string;
  readonly isAnother: () => boolean;
  readonly signal: AbortSignal;
}

/** `replaced`: the directory is gone, and may be there again as another one that has to be watched. */
function untilTold(watcher: FSWatcher, { directory, isAnother, signal }: Told): Promise<'restarted' | 'replaced'> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    watcher.once('close', () => signal.removeEventListener('abort', abort));
    watcher.on('error', reject);
    watcher.on('change', (_type, file) => {
      // IN_DELETE_SELF comes under the directory's own name.
      if (String(file) === basename(directory)) resolve('replaced');
      else if (isAnother()) resolve('restarted');
    });
  });
}
