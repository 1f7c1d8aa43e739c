/**
 * What steps have made before, by all that they depend on: `<state>/images/build/steps/<key>`, a small file each, whose modification time is
 * when it was last used. Only an index: a layer that is gone is made again.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { ImageStore } from '../image/image-store.ts';
import { UNFINISHED } from '../store/image-paths.ts';
import type { Lease } from '../store/lease.ts';
import { storeError } from '../store/store-error.ts';
import type { MadeLayer } from './stage.ts';

export interface CachedStep {
  /** Undefined: nothing had changed. */
  readonly layer: MadeLayer | undefined;
  /** When it was done. RFC 3339. */
  readonly created: string;
}

interface StepFile extends CachedStep {
  readonly version: 1;
}

/** Of values of JSON. Changes with the version of what is hashed. */
export function stepKey(...parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(['step', 1, ...parts]))
    .digest('hex');
}

/** The lease gets its layer before it is looked for. Undefined: the step must be done. */
export function findStep(store: ImageStore, key: string, lease: Lease): CachedStep | undefined {
  const file = `${stepsDirectory(store)}/${key}`;
  const step = readStep(file);
  if (step === undefined) return undefined;
  if (step.layer !== undefined) {
    lease.hold([step.layer.diffId]);
    if (store.layerDirectory(step.layer.diffId) === undefined) return undefined;
  }
  touch(file);
  return step;
}

/** Replaces what was known under that key. */
export function keepStep(store: ImageStore, key: string, step: CachedStep): void {
  const directory = stepsDirectory(store);
  const file: StepFile = { version: 1, ...step };
  const unfinished = `${directory}/${UNFINISHED}${process.pid}-${key}`;
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    fs.writeFileSync(unfinished, JSON.stringify(file), { mode: 0o600 });
    fs.renameSync(unfinished, `${directory}/${key}`);
  } catch (error) {
    throw storeError('cannot remember a step of a build', error);
  }
}

/** Where everything of builds is. */
export function buildDirectory({ context }: ImageStore): string {
  return `${context.paths.directory}/build`;
}

function stepsDirectory(store: ImageStore): string {
  return `${buildDirectory(store)}/steps`;
}

function readStep(file: string): CachedStep | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw storeError(`cannot read \`${file}\``, error);
  }
  try {
    const step = JSON.parse(text) as StepFile;
    return step.version === 1 ? step : undefined;
  } catch {
    // A crash of the machine may leave an empty file: that step is done again.
    return undefined;
  }
}

function touch(file: string): void {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch (error) {
    // Pruned meanwhile: what it said still holds.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
