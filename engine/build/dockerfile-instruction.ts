/** What the instructions of a Dockerfile share: the state that expands them, and the two times at which they are looked at. */
import { ownValue } from '../../dsl/own-value.ts';
import type { BuildPlace, BuildStep, CopyOrigin, ParentConfig } from '../model/build.ts';
import { wrong } from './dockerfile-errors.ts';
import type { AstParser, Instruction } from './dockerfile-lines.ts';
import { expand } from './words.ts';

/** Read at once, so that what is wrong with it is told before anything is built; made into a step when its base is known. */
export interface ReadInstruction {
  /** Indexes of the stages it copies or mounts from. */
  readonly uses: readonly number[];
  /** In order: what an instruction sets counts for those after it. Undefined: it does nothing to the image. */
  readonly make: (state: StageState) => BuildStep | undefined;
}

/** Where a stage has come to. */
export interface StageState {
  environment: Record<string, string>;
  /** Build arguments in scope. Undefined: declared, without a value. */
  args: Record<string, string | undefined>;
  /** Absolute. */
  workingDir: string;
  shell: readonly string[];
  /** Of this stage. */
  onBuild: readonly string[];
}

export interface ReadContext {
  readonly parser: AstParser;
  readonly escapeChar: string;
  /** Build arguments as given. */
  readonly givenArgs: Readonly<Record<string, string>>;
  /** Those declared before the first FROM, and the platform's. */
  readonly globalArgs: Readonly<Record<string, string | undefined>>;
  /** Proxy variables among the arguments: each RUN has them, and they are no part of what it is cached by. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Ids of the secrets that are given. */
  readonly secrets: ReadonlySet<string>;
  /** What `--from=` names. */
  readonly originOf: (name: string, place: BuildPlace) => CopyOrigin;
}

/** Docker's, of an image that has none (Dockerfile reference, "SHELL"). */
const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

/** `args`: of the stage that this one builds on. */
export function stateOf({ environment, workingDir, shell }: ParentConfig, args: StageState['args']): StageState {
  return { environment: { ...environment }, args: { ...args }, workingDir, shell: shell ?? DEFAULT_SHELL, onBuild: [] };
}

export type Expand = (text: string) => string;

export interface ExpandOptions {
  readonly place: BuildPlace;
  readonly escapeChar: string;
  readonly keepQuotes?: boolean;
}

/** Replaces variables as they are now: a value that ENV sets wins over an argument of that name. */
export function expander({ environment, args }: StageState, { place, ...options }: ExpandOptions): Expand {
  const values = { ...args, ...environment };
  const variable = (name: string) => ownValue(values, name);
  return (text) => {
    try {
      return expand(text, { ...options, variable });
    } catch (error) {
      throw wrong(place, error instanceof Error ? error.message : String(error));
    }
  };
}

export type CommandForm = { readonly exec: readonly string[] } | { readonly shell: string };

/** A JSON list of texts is the exec form; anything else, even something that merely looks like it, is for the shell. */
export function commandForm({ rest, place }: Instruction, text = rest): CommandForm {
  const list = jsonList(text, place);
  return list === undefined ? { shell: text } : { exec: list };
}

/** Undefined: it is no JSON list. */
export function jsonList(text: string, place: BuildPlace): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (value.every((item) => typeof item === 'string')) return value;
  throw wrong(place, 'its JSON list holds something that is no text');
}

/** A step's place and what it does; of an instruction that uses no stage. */
export function simple(instruction: Instruction, make: (state: StageState) => BuildStep | undefined): ReadInstruction {
  if (instruction.rest === '') throw wrong(instruction.place, `\`${instruction.keyword}\` needs an argument`);
  return { uses: [], make };
}
