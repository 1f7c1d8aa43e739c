/** The one place that knows chokidar. */
import type { Stats } from 'node:fs';
import type { Followed } from './followed.ts';
import { versionOf } from './host.ts';

export interface Watcher extends AsyncDisposable {}

export type OpenWatcher = (
  followed: Followed,
  told: { readonly onChange: (path: string) => void; readonly onError: (error: unknown) => void },
) => Promise<Watcher>;

/** Resolves when all that is there is watched: what changed before may not have been seen. */
export const openWatcher: OpenWatcher = async ({ roots, ignores }, { onChange, onError }) => {
  const { watch } = await import('chokidar');
  const watcher = watch([...roots], {
    ignoreInitial: true,
    // What a link leads to is followed under its own name.
    followSymlinks: false,
    // Chokidar asks twice, first without having looked: a directory must not be ruled out for a glob that a file would match.
    ignored: (path: string, stats?: Stats) => ignores(path, stats?.isDirectory() ?? true) && (stats !== undefined || ignores(path, false)),
  });
  const rechecks = new Map<string, NodeJS.Timeout>();
  const tell = (path: string) => {
    onChange(path);
    if (rechecks.has(path)) return;
    const version = versionOf(path);
    const recheck = () => {
      rechecks.delete(path);
      if (versionOf(path) !== version) tell(path);
    };
    rechecks.set(path, setTimeout(recheck, DEAF_MS));
  };
  watcher.on('all', (_event, path) => tell(path));
  watcher.on('error', onError);
  await new Promise<void>((resolve) => watcher.on('ready', resolve));
  return {
    async [Symbol.asyncDispose]() {
      for (const timer of rechecks.values()) clearTimeout(timer);
      await watcher.close();
    },
  };
};

/** For 50 ms after it has told of a change of a file, chokidar says nothing of another one (`FSWatcher._emit`): so it is looked at once more after that. */
const DEAF_MS = 60;
