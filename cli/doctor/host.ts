/** What the checks may ask of a host, so that a test can be one. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { arch, release } from 'node:os';
import { dirname, join } from 'node:path';
import { type FirewallReport, reportFirewall } from '../../engine/index.ts';
import type { Paths } from '../context.ts';

export interface Host {
  readonly uid: number;
  readonly nodeVersion: string;
  /** `6.18.5` */
  readonly kernelRelease: string;
  readonly arch: string;
  readonly paths: Pick<Paths, 'stateDirectory' | 'launcher'>;
  /** Undefined: it isn't there or may not be read. */
  readText(path: string): string | undefined;
  exists(path: string): boolean;
  may(path: string, what: 'write' | 'execute'): boolean;
  /** Bytes an ordinary write could still take. */
  freeBytes(path: string): number;
  /** Absolute path of a program in PATH, where the engine will look for it. */
  program(name: string): string | undefined;
  /** Rejects if it can't be told. */
  firewall(): Promise<FirewallReport>;
  run(program: string, argv: readonly string[]): Promise<{ readonly code: number; readonly output: string }>;
}

export interface Finding {
  readonly name: string;
  /** `missing`: tsstack needs it. `warning`: it can do without, but not as well. */
  readonly status: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  /** What to do. */
  readonly advice?: string;
}

export type Check = (host: Host) => Finding | Promise<Finding>;

/** The nearest directory above a path that is there. */
export function existingAncestor(host: Host, path: string): string {
  let at = path;
  while (!host.exists(at) && at !== dirname(at)) at = dirname(at);
  return at;
}

export function thisHost(paths: Paths, env: NodeJS.ProcessEnv): Host {
  return {
    uid: process.geteuid?.() ?? -1,
    nodeVersion: process.versions.node,
    kernelRelease: release(),
    arch: arch(),
    paths,
    readText(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        // For every check "may not be read" and "isn't there" come to the same, and each says what that means.
        return undefined;
      }
    },
    exists: existsSync,
    may(path, what) {
      try {
        accessSync(path, what === 'write' ? constants.W_OK : constants.X_OK);
        return true;
      } catch {
        return false;
      }
    },
    freeBytes(path) {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    program(name) {
      const directories = (env['PATH'] ?? '').split(':').filter((directory) => directory !== '');
      return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
    },
    firewall: () => reportFirewall(env, AbortSignal.timeout(10_000)),
    run: (program, argv) =>
      new Promise((resolve) => {
        execFile(program, [...argv], { timeout: 10_000 }, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, output: `${stdout}${stderr}`.trim() || (error?.message ?? '') });
        });
      }),
  };
}
