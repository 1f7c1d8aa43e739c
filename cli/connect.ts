/** The CLI's two doors: to the engine and to the loader. Both are imported when first used: `--version`, `help` and typing errors need neither. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Engine } from '../engine/model/engine.ts';
import type { GlobalOptions } from './command.ts';
import type { LoadedStack, Paths } from './context.ts';

export interface ConnectOptions {
  readonly commandName: string;
  readonly global: GlobalOptions;
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
}

export async function connect(stack: LoadedStack, { global, paths }: ConnectOptions): Promise<Engine> {
  const { createEngine } = await import('../engine/index.ts');
  const { stateDirectory, runDirectory, launcher } = paths;
  const { spec, directory } = stack;
  return createEngine({ name: spec.name, directory, instance: global.instance, paths: { stateDirectory, runDirectory, launcher } });
}

export async function loadStack({ commandName, global, paths, env }: ConnectOptions): Promise<LoadedStack> {
  const { loadStackFile } = await import('./load/load-stack-file.ts');
  return loadStackFile({
    directory: paths.directory,
    command: commandName,
    env,
    cacheDirectory: paths.cacheDirectory,
    packageRoot: paths.packageRoot,
    ...(global.file === undefined ? {} : { file: global.file }),
    ...(global.instance === undefined ? {} : { instance: global.instance }),
    ...(global.mode === undefined ? {} : { mode: global.mode }),
    ...(global.profile === undefined ? {} : { profiles: [...global.profile] }),
  });
}

export async function findStackFile({ global, paths }: ConnectOptions): Promise<string> {
  const loader = await import('./load/load-stack-file.ts');
  return loader.findStackFile({ directory: paths.directory, ...(global.file === undefined ? {} : { file: global.file }) });
}

export async function typeCheck(file: string, { paths }: ConnectOptions): Promise<readonly string[]> {
  const checker = await import('./load/type-check.ts');
  return checker.typeCheck(file, { packageRoot: paths.packageRoot });
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
