/** What a supervisor must know to go on where another one ended. Written whole or not at all. */
import fs from 'node:fs';
import type { StackSpec } from '../../dsl/spec.ts';
import type { StackSource } from '../model/engine.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Desired } from '../model/resources.ts';
import type { RestartCounts } from '../model/restarts.ts';
import type { StackPaths } from './paths.ts';

/** What the last `up` wanted. */
export interface DesiredState {
  readonly version: 1;
  /** Of the tsstack that wrote it: another one may put the same spec in other kernel objects. */
  readonly build: string;
  /** Services that were brought up. */
  readonly spec: StackSpec;
  /** The same as kernel objects, with the files' content as it was then: what repair brings back. */
  readonly desired: Desired;
  readonly source: StackSource | undefined;
}

/** What has become of it, as far as the kernel can't be asked. */
export interface SupervisionState {
  readonly version: 1;
  /** Differs after a reboot: then this world is gone. */
  readonly bootId: string;
  /** Stopped on request. */
  readonly stopped: readonly ContainerName[];
  /** Stopped by nobody's request, to be started again: an end of theirs was none of their own. */
  readonly returning: readonly ContainerName[];
  readonly restarts: RestartCounts;
  /** False: its supervisor was cut off, and the next command starts another. */
  readonly ended: boolean;
}

/** Undefined: nothing is wanted, or, unless `onOther` throws for it, another version of tsstack wrote it. */
export function readDesiredState({ desired }: StackPaths, onOther?: () => never): DesiredState | undefined {
  return readVersion1<DesiredState>(desired, onOther);
}

export function writeDesiredState({ desired }: StackPaths, state: DesiredState): void {
  writeWhole(desired, state);
}

/** Nothing is wanted any more. */
export function forgetDesiredState({ desired }: StackPaths): void {
  fs.rmSync(desired, { force: true });
}

export function readSupervisionState({ supervision }: StackPaths): SupervisionState | undefined {
  return readVersion1<SupervisionState>(supervision);
}

export function writeSupervisionState({ supervision }: StackPaths, state: SupervisionState): void {
  writeWhole(supervision, state);
}

/** Environments may hold secrets: for root alone. */
function writeWhole(path: string, value: unknown): void {
  fs.writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  fs.renameSync(`${path}.new`, path);
}

/** Undefined: it isn't there, or of another version. */
function readVersion1<T extends { readonly version: 1 }>(path: string, onOther: () => undefined = () => undefined): T | undefined {
  let value: T | undefined;
  try {
    value = JSON.parse(fs.readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  return value?.version === 1 ? value : onOther();
}
