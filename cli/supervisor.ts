/** This program as a stack's supervisor: started by a command that needs one, never by hand. */
import net from 'node:net';
import type { StackSource } from '../engine/model/engine.ts';
import type { HooksByService } from '../engine/model/hooks.ts';
import type { StackIdentity } from '../engine/model/ids.ts';
import { pathsFor } from './connect.ts';

/** The other end of it is whoever started us. */
const CONNECTION_FD = 3;

export interface SupervisorInstallation {
  readonly packageRoot: string;
  readonly build: string;
}

/** Resolves to the exit code when the supervisor has nothing left to do. */
export async function superviseStack(identity: string, { packageRoot, build }: SupervisorInstallation): Promise<number> {
  const stack = JSON.parse(identity) as StackIdentity;
  // Its log is all that can tell what went wrong: the error alone, without the line of the bundle it came from.
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${new Date().toISOString()} ${error.stack ?? error}\n`);
    process.exit(1);
  });
  process.title = `tsstack-supervisor ${stack.name}`;
  const { env } = process;
  const { stateDirectory, runDirectory, launcher, cacheDirectory } = pathsFor({
    packageRoot,
    cwd: '/',
    directory: stack.directory,
    env,
    uid: process.geteuid?.() ?? -1,
  });
  const { runSupervisor } = await import('../engine/index.ts');
  await runSupervisor({
    stack,
    paths: { stateDirectory, runDirectory, launcher },
    failpoints: env['TSSTACK_FAILPOINTS'],
    build,
    connection: new net.Socket({ fd: CONNECTION_FD }),
    loadHooks: (source) => loadHooks(source, { stack, cacheDirectory, packageRoot, version: build }),
  });
  return 0;
}

interface Loading {
  readonly stack: StackIdentity;
  readonly cacheDirectory: string;
  readonly packageRoot: string;
  readonly version: string;
}

async function loadHooks(source: StackSource, { stack, ...options }: Loading): Promise<HooksByService> {
  const { loadHostHooks } = await import('./load/stack-file.ts');
  return loadHostHooks({ ...source, directory: stack.directory, instance: stack.instance, ...options });
}
