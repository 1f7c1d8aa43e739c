/** The arguments of `tsstack-launcher exec`: one more process in a container that runs. */
import type { ContainerRecord, ProcessIdentity } from '../model/container.ts';
import { encodeCgroupOptions, encodeCommandOptions } from './launch-options.ts';

export interface ExecSpec {
  readonly argv: readonly string[];
  /** Its stdio is a new terminal of the container, joined to ours. */
  readonly tty: boolean;
  /** It gets our standard input; else none. */
  readonly interactive: boolean;
  /** On top of the container's own. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Undefined: the container's own. */
  readonly workingDir?: string | undefined;
  /** Undefined: the container's own. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] } | undefined;
  /** Killed after that, with exit code 124. Undefined: never. */
  readonly timeoutMs?: number | undefined;
}

export function encodeExecOptions(record: ContainerRecord, init: ProcessIdentity, options: ExecSpec): string[] {
  const { launch } = record;
  const user = options.user ?? launch;
  return [
    'exec',
    ...['--init-pid', String(init.pid), '--init-start-time', String(init.startTime)],
    ...(options.tty ? ['--tty'] : []),
    ...(options.interactive ? [] : ['--no-stdin']),
    ...(options.timeoutMs === undefined ? [] : ['--timeout-ms', String(Math.max(1, Math.ceil(options.timeoutMs)))]),
    ...encodeCgroupOptions(launch),
    ...encodeCommandOptions({
      uid: user.uid,
      gid: user.gid,
      additionalGids: user.additionalGids,
      capabilities: launch.capabilities,
      seccompFile: launch.seccompFile,
      workingDir: options.workingDir ?? launch.workingDir,
      argv: options.argv,
      environment: { ...launch.environment, ...options.environment },
    }),
  ];
}
