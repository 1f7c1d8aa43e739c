/** Keeps what a stack file came to, so that an unchanged one doesn't load zod (20 ms). */
import { renderIssues } from '../../dsl/issues.ts';
import type { StackSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { type Cache, hashOf } from './cache.ts';
import type { Environment } from './environment.ts';
import { fingerprint } from './fingerprint.ts';

export interface SpecQuestion {
  readonly input: unknown;
  /** Shown in errors. */
  readonly file: string;
  readonly directory: string;
  readonly env: Environment;
  readonly defaultName: string;
  /** Of tsstack. Another one may read the same input differently. */
  readonly version: string;
}

interface Kept {
  /** The variables that were looked at, with what was found. They aren't part of the key because they are only known afterwards. */
  readonly looked: Readonly<Record<string, string | null>>;
  readonly spec: StackSpec;
}

/** Errors: TsstackError `invalid-stack-file` with all that is wrong. */
export async function specOf(question: SpecQuestion, cache: Cache): Promise<StackSpec> {
  const { input, file, directory, env, defaultName, version } = question;
  const print = fingerprint(input);
  const key = print === undefined ? undefined : `${hashOf(version, directory, defaultName, print)}.spec.json`;
  const kept = key === undefined ? undefined : readKept(key, env, cache);
  if (kept !== undefined) return kept;
  const { parseStack } = await import('../../dsl/parse.ts');
  const looked: Record<string, string | null> = {};
  const parsed = parseStack(input, { directory, defaultName, env: recordingReads(env, looked) });
  if (!parsed.ok) throw new TsstackError(renderIssues(parsed.issues, { file }), { code: 'invalid-stack-file' });
  // What is given the first time must be what is read the next, to the last undefined.
  const text = encode({ looked, spec: parsed.spec });
  if (key !== undefined) cache.write(key, text);
  return decode(text).spec;
}

function readKept(key: string, env: Environment, cache: Cache): StackSpec | undefined {
  const text = cache.read(key);
  if (text === undefined) return undefined;
  const { looked, spec } = decode(text);
  return Object.entries(looked).every(([name, value]) => (env[name] ?? null) === value) ? spec : undefined;
}

/** A property that is undefined must not get lost: the spec has all of its properties always. */
const UNDEFINED = '\u0000undefined';

function encode(kept: Kept): string {
  return JSON.stringify(kept, (_, value: unknown) => (value === undefined ? UNDEFINED : value));
}

function decode(text: string): Kept {
  const kept: Kept = JSON.parse(text);
  restoreUndefined(kept);
  return kept;
}

/** A reviver of JSON.parse can't do this: undefined from it deletes the property. */
function restoreUndefined(value: object): void {
  for (const [key, inner] of Object.entries(value)) {
    if (inner === UNDEFINED) Reflect.set(value, key, undefined);
    else if (typeof inner === 'object' && inner !== null) restoreUndefined(inner);
  }
}

function recordingReads(env: Environment, looked: Record<string, string | null>): Environment {
  return new Proxy(env, {
    get(target, name) {
      if (typeof name !== 'string') return undefined;
      const value = Object.hasOwn(target, name) ? target[name] : undefined;
      looked[name] = value ?? null;
      return value;
    },
  });
}
