/**
 * What is kept for later builds. `<state>/images/build/steps/<key>`: a small file each that names the layer a step made, modified when it
 * was last used; only an index, what it names may be gone. `<state>/images/build/cache/<name>`: directories that steps mount.
 */
import fs from 'node:fs';
import { REMOVED, UNFINISHED } from './image-paths.ts';
import { removeDeep } from './launcher-runs.ts';
import { ObjectLock } from './object-lock.ts';
import type { StoreContext } from './store-context.ts';

export interface KeptStep {
  readonly key: string;
  /** Undefined: the step changed nothing. */
  readonly diffId: string | undefined;
  /** ms since the epoch */
  readonly usedAt: number;
}

export function listKeptSteps({ paths }: Pick<StoreContext, 'paths'>): readonly KeptStep[] {
  const directory = stepsDirectory(paths.directory);
  return namesIn(directory)
    .filter((name) => !name.startsWith(UNFINISHED))
    .flatMap((key) => readStep(directory, key) ?? []);
}

/** The step is done anew when it is needed again; its layer is garbage unless something else needs it. */
export function forgetStep({ paths }: Pick<StoreContext, 'paths'>, key: string): void {
  fs.rmSync(`${stepsDirectory(paths.directory)}/${key}`, { force: true });
}

/** Directories that steps mount. */
export function listCacheDirectories({ paths }: Pick<StoreContext, 'paths'>): readonly string[] {
  const directory = `${paths.directory}/build/cache`;
  return namesIn(directory)
    .filter((name) => !name.startsWith(REMOVED))
    .map((name) => `${directory}/${name}`);
}

/**
 * Removes these unless a build runs, which may have any of them mounted. Resolves to those that are gone.
 * INVARIANT: a build has its scratch directory's lock before it looks for a cache directory. So if none has one after they have lost their
 * names, whoever comes later makes new ones; else they get their names back.
 */
export async function removeCacheDirectories(context: StoreContext, directories: readonly string[]): Promise<readonly string[]> {
  if (isBuilding(context)) return [];
  const aside = directories.map((directory) => {
    const to = `${directory.slice(0, directory.lastIndexOf('/') + 1)}${REMOVED}${process.pid}-${directory.slice(directory.lastIndexOf('/') + 1)}`;
    unlessMissing(() => fs.renameSync(directory, to));
    return { directory, to };
  });
  if (isBuilding(context)) {
    for (const { directory, to } of aside) if (!fs.existsSync(directory)) unlessMissing(() => fs.renameSync(to, directory));
  }
  const left = `${context.paths.directory}/build/cache`;
  for (const name of namesIn(left)) if (isNobodyElses(name)) await removeDeep(context.launcherBinary, `${left}/${name}`);
  return directories.filter((directory) => !fs.existsSync(directory));
}

/** Another process that has just put one aside may yet give its name back. */
function isNobodyElses(name: string): boolean {
  const pid = name.startsWith(REMOVED) ? name.slice(REMOVED.length).split('-', 1)[0] : undefined;
  return pid !== undefined && (pid === String(process.pid) || !fs.existsSync(`/proc/${pid}`));
}

function isBuilding({ paths }: StoreContext): boolean {
  return namesIn(paths.locks)
    .filter((name) => name.startsWith('scratch-build-'))
    .some((name) => {
      using lock = ObjectLock.tryAcquire(`${paths.locks}/${name}`);
      return lock === undefined;
    });
}

function stepsDirectory(imagesDirectory: string): string {
  return `${imagesDirectory}/build/steps`;
}

/** Undefined: it was removed meanwhile. */
function readStep(directory: string, key: string): KeptStep | undefined {
  const file = `${directory}/${key}`;
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  const text = unlessMissing(() => fs.readFileSync(file, 'utf8'));
  if (stat === undefined || text === undefined) return undefined;
  return { key, diffId: diffIdIn(text), usedAt: stat.mtimeMs };
}

/** After a crash of the machine a file may be empty: it keeps nothing. */
function diffIdIn(text: string): string | undefined {
  try {
    const { layer } = JSON.parse(text) as { readonly layer?: { readonly diffId?: unknown } };
    return typeof layer?.diffId === 'string' ? layer.diffId : undefined;
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  return unlessMissing(() => fs.readdirSync(directory)) ?? [];
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
