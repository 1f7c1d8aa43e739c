/** Runs the CLI from outside, as a person would, in a project directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ContainerListing } from '../../engine/model/engine.ts';
import { makeBusyboxRootfs } from './busybox-rootfs.ts';
import { type CommandResult, command } from './fake-host.ts';
import { patience } from './patience.ts';
import { until } from './until.ts';
import { expectSameWorld, snapshotWorld } from './world.ts';

const cli = new URL('../../bin/tsstack.cjs', import.meta.url).pathname;

export interface Project {
  /** Where the stack file is. `./rootfs` in it is a busybox. */
  readonly directory: string;
  readonly stateDirectory: string;
  readonly runDirectory: string;
  readonly env: NodeJS.ProcessEnv;
  write(files: Readonly<Record<string, string>>): void;
  tsstack(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** As `tsstack`, and fails with all that was said if the exit code is another. Default 0. */
  ok(argv: readonly string[], options?: RunOptions & { readonly code?: number }): Promise<CommandResult>;
  /** Starts one that goes on: an attached `up`, `logs -f`. */
  start(argv: readonly string[]): Running;
  ps(): Promise<readonly ContainerListing[]>;
  /** Of `ps`: the one container with that short name, e.g. `web-1`. */
  container(name: string): Promise<ContainerListing>;
}

export interface ProjectOptions {
  /** How long the body may take. Default 45 s, of the 60 s that a test has. */
  readonly timeoutMs?: number;
  /** Of all that runs in it. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
}

export interface Running {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves when stdout or stderr holds it. */
  says(text: string | RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Exit code; 128 + n if a signal ended it. */
  readonly ended: Promise<number>;
}

/**
 * Makes a project, lets `body` use it, takes the stack down with its volumes, and holds the world to what it was before, whether or not
 * `body` failed (its failure is the one reported).
 */
export async function withProject(
  files: Readonly<Record<string, string>>,
  body: (project: Project) => Promise<void>,
  options: ProjectOptions = {},
): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'tsstack-e2e-'));
  const { project, running } = makeProject(base, files, options.env);
  const places = { directories: [project.stateDirectory, project.runDirectory], project: project.directory };
  const before = snapshotWorld(places);
  const failures: unknown[] = [];
  const collect = (promise: Promise<unknown>) => promise.catch((error: unknown) => failures.push(error));

  await collect(inTime(body(project), options.timeoutMs ?? 45_000));
  for (const child of running) await collect(kill(child));
  // An instance is a stack of its own: `body` takes those down that it brought up.
  await collect(project.ok(['down', '--volumes', '--timeout', '1']));
  await collect(expectSameWorld(before, places));
  rmSync(base, { recursive: true, force: true });
  if (failures.length > 0) throw failures[0];
}

/** Before vitest gives a test up: it would not wait for the stack to be taken down. */
async function inTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(
      () => reject(new Error(`the scenario did not end within ${(timeoutMs / 1000) * patience} s`)),
      timeoutMs * patience,
    );
  });
  await Promise.race([work, late]).finally(() => clearTimeout(deadline));
}

function makeProject(
  base: string,
  files: Readonly<Record<string, string>>,
  more: NodeJS.ProcessEnv = {},
): { project: Project; running: Running[] } {
  const directory = join(base, 'project');
  const stateDirectory = join(base, 'state');
  const runDirectory = join(base, 'run');
  for (const path of [directory, stateDirectory, runDirectory]) mkdirSync(path);
  makeBusyboxRootfs(join(directory, 'rootfs'));
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: base,
    LANG: 'C.UTF-8',
    TSSTACK_CACHE_DIR: join(base, 'cache'),
    TSSTACK_STATE_DIR: stateDirectory,
    TSSTACK_RUN_DIR: runDirectory,
    ...more,
  };
  const running: Running[] = [];

  const tsstack: Project['tsstack'] = (argv, options = {}) =>
    command([process.execPath, cli, ...argv], { cwd: directory, timeoutMs: 30_000, ...options, env: { ...env, ...options.env } });
  const ok: Project['ok'] = async (argv, options = {}) => {
    const result = await tsstack(argv, options);
    if (result.code !== (options.code ?? 0)) {
      throw new Error(`\`tsstack ${argv.join(' ')}\` ended with ${result.code}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`);
    }
    return result;
  };
  const ps = async () => JSON.parse((await ok(['ps', '--all', '--json'])).stdout) as ContainerListing[];
  const project: Project = {
    directory,
    stateDirectory,
    runDirectory,
    env,
    tsstack,
    ok,
    ps,
    write: (more) => write(directory, more),
    container: async (name) => {
      const all = await ps();
      const found = all.find((listing) => listing.name === name);
      if (found === undefined) throw new Error(`no container \`${name}\` among ${all.map((listing) => listing.name).join(', ')}`);
      return found;
    },
    start: (argv) => {
      const child = follow(spawn(process.execPath, [cli, ...argv], { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] }), argv);
      running.push(child);
      return child;
    },
  };
  write(directory, files);
  return { project, running };
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}

function follow(child: ChildProcess, argv: readonly string[]): Running {
  let output = '';
  const add = (text: Buffer) => {
    output += text.toString();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  const ended = once(child, 'close').then(([code, signal]) => (code === null ? 128 + (signal === 'SIGKILL' ? 9 : 15) : Number(code)));
  return {
    process: child,
    output: () => output,
    says: async (text) => {
      await until(`\`tsstack ${argv.join(' ')}\` says ${text}`, () => output, {
        holds: (said) => (typeof text === 'string' ? said.includes(text) : text.test(said)),
      });
    },
    signal: (name) => {
      child.kill(name);
    },
    ended,
  };
}

async function kill(running: Running): Promise<void> {
  running.process.kill('SIGKILL');
  await running.ended;
}
