/**
 * What is kept for later builds: `<state>/images/build/steps/<key>`, a small file each that names the layer a step made, modified when it was
 * last used. Only an index: what it names may be gone, and a step without one is done again.
 */
import fs from 'node:fs';
import { UNFINISHED } from './image-paths.ts';
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
