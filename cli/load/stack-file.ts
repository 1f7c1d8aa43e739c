import { basename, dirname } from 'node:path';
import { evaluateStack } from '../../dsl/define.ts';
import { isStackDefinition } from '../../dsl/definition.ts';
import { type HostHooks, hostHooksOf } from '../../dsl/host-hooks.ts';
import * as tsstack from '../../dsl/index.ts';
import type { StackSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { type Cache, openCache } from './cache.ts';
import { withDependencies } from './dependencies.ts';
import { type Environment, environmentFile, readEnvironment, withProcessEnvironment } from './environment.ts';
import { findStackFile } from './find.ts';
import { createModuleGraph, type ModuleGraph } from './module-graph.ts';
import { ModuleNotFound } from './resolve.ts';
import { specOf } from './spec-cache.ts';
import { positionOf, stackFileError } from './stack-file-error.ts';

export interface LoadOptions {
  /** `--file`, relative to `directory`. Else it is looked for from `directory` upwards. */
  readonly file?: string | undefined;
  readonly directory: string;
  readonly instance?: string | undefined;
  /** The command that asks, e.g. `up`. */
  readonly command: string;
  readonly mode?: string | undefined;
  readonly profiles?: readonly string[] | undefined;
  readonly env: Environment;
  /** Made if it is not there. */
  readonly cacheDirectory: string;
  /** The directory of tsstack's package.json; ts-node and typescript are looked for from there. */
  readonly packageRoot: string;
  /** Changes whenever tsstack's code does: what was kept by another version is not used. */
  readonly version: string;
}

export interface LoadedStack {
  /** Absolute. */
  readonly file: string;
  /** Real path. */
  readonly directory: string;
  readonly spec: StackSpec;
  /** `.env` beside the file, and over it `options.env`. */
  readonly env: Environment;
  /**
   * The stack file, what it imports of the project, `.env`, and what was looked for on the way and is not there: absolute, for watch mode.
   * `.env` and the last kind need not exist; when one of them comes into being, the stack may be another.
   */
  readonly dependencies: readonly string[];
  /** Worth telling, no reason to stop: the cache can't be written. */
  readonly notices: readonly string[];
}

/**
 * Finds, evaluates and checks the stack file. An unchanged one loads neither TypeScript nor zod.
 * Errors: TsstackError `not-found` or `invalid-stack-file`, with place and code where they are known; `dependenciesOf` tells of each which
 * files would have to change.
 */
export function loadStackFile(options: LoadOptions): Promise<LoadedStack> {
  return withOpened(options, async (opened) => {
    const { file, directory, cache } = opened;
    const { input, env } = await evaluate(opened, options);
    const { version } = options;
    const spec = await specOf({ input, file, directory, env, defaultName: defaultNameOf(directory), version }, cache);
    return { file, directory, spec, env, dependencies: dependenciesSoFar(opened), notices: cache.notices };
  });
}

/**
 * The functions of the stack file that the supervisor calls, by service; those that have none are left out. Evaluates the file, since functions
 * are in no spec, and checks no more of it than that it can be: they go with the spec that `loadStackFile` gives for the same options, whose
 * `hooks.host` names them. Variables of `.env` are in `process.env` only until this resolves. Errors: as `loadStackFile`.
 */
export function loadHostHooks(options: LoadOptions): Promise<Readonly<Record<string, HostHooks>>> {
  return withOpened(options, async (opened) => hostHooksOf((await evaluate(opened, options)).input));
}

interface OpenedStackFile {
  readonly file: string;
  readonly directory: string;
  readonly cache: Cache;
  readonly graph: ModuleGraph;
}

async function withOpened<T>(options: LoadOptions, work: (opened: OpenedStackFile) => Promise<T>): Promise<T> {
  const file = findStackFile(options.directory, options.file);
  const cache = openCache(options.cacheDirectory);
  const graph = createModuleGraph({ cache, packageRoot: options.packageRoot, tsstack: { ...tsstack, __esModule: true } });
  const opened = { file, directory: dirname(file), cache, graph };
  try {
    return await work(opened);
  } catch (error) {
    throw withDependencies(error, dependenciesSoFar(opened));
  }
}

/** The stack file even if it wasn't come to: a mistake in `.env` is told before. */
function dependenciesSoFar({ file, directory, graph }: OpenedStackFile): readonly string[] {
  return [...new Set([file, ...graph.files, environmentFile(directory), ...graph.missing])];
}

async function evaluate(opened: OpenedStackFile, options: LoadOptions): Promise<{ readonly input: unknown; readonly env: Environment }> {
  const { file, graph } = opened;
  const { command, mode, instance, profiles = [] } = options;
  const env = readEnvironment(opened.directory, options.env);
  return withProcessEnvironment(env, async () => {
    try {
      const definition = defaultExport(await graph.load(file), file);
      return { input: await evaluateStack(definition, { command, mode, env, instance, profiles }), env };
    } catch (error) {
      throw toStackFileError(error, file, graph);
    }
  });
}

function defaultExport(exports: unknown, file: string) {
  const hint = 'write `export default defineStack({ … })`';
  const hasDefault = typeof exports === 'object' && exports !== null && 'default' in exports;
  const value: unknown = hasDefault ? exports.default : exports;
  if (isStackDefinition(value)) return value;
  if (!hasDefault) throw stackFileError(`cannot load \`${file}\`: it has no default export`, { hint });
  throw stackFileError(`cannot load \`${file}\`: its default export is not made by \`defineStack\``, { hint });
}

function toStackFileError(error: unknown, file: string, graph: ModuleGraph): TsstackError {
  if (error instanceof TsstackError) return error;
  if (error instanceof ModuleNotFound) {
    return stackFileError(`cannot load \`${error.importer}\`: ${error.message}`, {
      cause: error,
      ...(error.specifier.startsWith('.') ? {} : { hint: 'is it installed?' }),
    });
  }
  const why = error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`;
  return stackFileError(`cannot load \`${file}\`: ${why}`, { position: positionOf(error, (path) => graph.sourceMap(path)), cause: error });
}

/** The directory's name as Compose makes a project's of it: lower case, other characters left out. */
function defaultNameOf(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '');
  return name.replace(/^[_-]+/, '') || 'stack';
}
