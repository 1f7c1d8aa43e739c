/** The CLI's two doors: to the engine and to the loader. Both are imported when first used: `--version`, `help` and typing errors need neither. */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { EngineOptions } from '../engine/index.ts';
import type { Engine } from '../engine/model/engine.ts';
import type { LoadedStack, Paths } from './context.ts';
import type { GlobalOptions } from './options.ts';
import { SUPERVISOR } from './supervisor-word.ts';

export interface ConnectOptions {
  readonly commandName: string;
  readonly global: GlobalOptions;
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  /** Changes whenever tsstack's code does. */
  readonly build: string;
}

export async function connect({ spec, directory }: LoadedStack, options: ConnectOptions): Promise<Engine> {
  const { createEngine } = await import('../engine/index.ts');
  return createEngine({ name: spec.name, directory, instance: options.global.instance, ...engineOptions(options) });
}

/** The engine of the one stack that was brought up from the current directory; undefined: none was, or several. */
export async function connectRemembered(options: ConnectOptions): Promise<Engine | undefined> {
  const { global, paths } = options;
  const { createEngine, findStacks } = await import('../engine/index.ts');
  const all = findStacks(paths, paths.directory).filter(({ instance }) => instance === global.instance);
  const [stack] = all;
  if (!stack || all.length > 1) return undefined;
  const { name, directory, instance } = stack;
  return createEngine({ name, directory, instance, ...engineOptions(options) });
}

/** MB. V8's own 16 would hold what each look at fifty containers leaves behind: 63 MB of private memory after sixty of them, against 32. */
const SMALL_HEAP = ['--max-semi-space-size=1'];

function engineOptions({ paths, env, build }: ConnectOptions): Pick<EngineOptions, 'paths' | 'failpoints' | 'build' | 'supervisor'> {
  const { stateDirectory, runDirectory, launcher, packageRoot } = paths;
  return {
    paths: { stateDirectory, runDirectory, launcher },
    failpoints: env['TSSTACK_FAILPOINTS'],
    build,
    supervisor: [process.execPath, ...SMALL_HEAP, join(packageRoot, 'bin/tsstack.cjs'), SUPERVISOR],
  };
}

export async function loadStack({ commandName, global, paths, env, build }: ConnectOptions): Promise<LoadedStack> {
  const { loadStackFile } = await import('./load/stack-file.ts');
  const { directory, cacheDirectory, packageRoot } = paths;
  return loadStackFile({
    file: global.file,
    directory,
    instance: global.instance,
    command: commandName,
    mode: global.mode,
    profiles: global.profile,
    env,
    cacheDirectory,
    packageRoot,
    version: build,
  });
}

export async function findStackFile({ global, paths }: ConnectOptions): Promise<string> {
  const loader = await import('./load/find.ts');
  return loader.findStackFile(paths.directory, global.file);
}

/** Each type error as text with its place, relative to the stack file's directory. */
export async function typeCheck(file: string, { paths }: ConnectOptions): Promise<readonly string[]> {
  const checker = await import('./load/type-check.ts');
  const { errors } = checker.typeCheck(file, paths.packageRoot);
  return errors.map((error) => checker.renderTypeErrors([error], dirname(file)));
}

/** `uid`: effective user id. As root the places of the FHS, else those of the XDG base directory specification. */
export function pathsFor(options: {
  readonly packageRoot: string;
  readonly cwd: string;
  readonly directory: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number;
}): Paths {
  const { packageRoot, cwd, env, uid } = options;
  const home = env['HOME'] || homedir();
  const state = uid === 0 ? '/var/lib/tsstack' : join(env['XDG_STATE_HOME'] || join(home, '.local/state'), 'tsstack');
  const run = uid === 0 ? '/run/tsstack' : join(env['XDG_RUNTIME_DIR'] || `/run/user/${uid}`, 'tsstack');
  const cache = uid === 0 ? '/var/cache/tsstack' : join(env['XDG_CACHE_HOME'] || join(home, '.cache'), 'tsstack');
  return {
    packageRoot,
    directory: resolve(cwd, options.directory ?? '.'),
    stateDirectory: resolve(cwd, env['TSSTACK_STATE_DIR'] || state),
    runDirectory: resolve(cwd, env['TSSTACK_RUN_DIR'] || run),
    cacheDirectory: resolve(cwd, env['TSSTACK_CACHE_DIR'] || cache),
    launcher: join(packageRoot, 'dist/native/tsstack-launcher'),
  };
}
