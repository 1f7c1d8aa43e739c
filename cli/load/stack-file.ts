import { basename, dirname } from 'node:path';
import { evaluateStack, isStackDefinition } from '../../dsl/define.ts';
import * as tsstack from '../../dsl/index.ts';
import type { StackSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { openCache } from './cache.ts';
import { type Environment, readEnvironment, withProcessEnvironment } from './environment.ts';
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
  /** The stack file, what it imports of the project, and `.env`: absolute, for watch mode. */
  readonly dependencies: readonly string[];
  /** Worth telling, no reason to stop: the cache can't be written. */
  readonly notices: readonly string[];
}

/**
 * Finds, evaluates and checks the stack file. An unchanged one loads neither TypeScript nor zod.
 * Errors: TsstackError `not-found` or `invalid-stack-file`, with place and code where they are known.
 */
export async function loadStackFile(options: LoadOptions): Promise<LoadedStack> {
  const file = findStackFile(options.directory, options.file);
  const directory = dirname(file);
  const { env, file: envFile } = readEnvironment(directory, options.env);
  const cache = openCache(options.cacheDirectory);
  const { packageRoot, version } = options;
  const graph = createModuleGraph({ cache, packageRoot, tsstack: { ...tsstack, __esModule: true } });
  const input = await withProcessEnvironment(env, () => evaluate(file, graph, { ...options, env }));
  const spec = await specOf({ input, file, directory, env, defaultName: defaultNameOf(directory), version }, cache);
  const dependencies = envFile === undefined ? graph.files : [...graph.files, envFile];
  return { file, directory, spec, env, dependencies, notices: cache.notices };
}

async function evaluate(file: string, graph: ModuleGraph, options: LoadOptions): Promise<unknown> {
  const { command, mode, env, instance, profiles = [] } = options;
  try {
    const definition = defaultExport(await graph.load(file), file);
    return await evaluateStack(definition, { command, mode, env, instance, profiles });
  } catch (error) {
    throw toStackFileError(error, file, graph);
  }
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
