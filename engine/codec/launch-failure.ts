/** An `error` answer of the launcher → words for the user. */
import { getSystemErrorName } from 'node:util';
import { TsstackError } from '../model/errors.ts';

/** Stage, errno and detail as the launcher's fail() kept them (`native/launcher/PROTOCOL.md`, "Stages"). */
export interface LaunchFailure {
  readonly stage: string;
  readonly errno: number;
  readonly detail: string;
}

export function launchError(verb: string, name: string, failure: LaunchFailure): TsstackError {
  return new TsstackError(`cannot ${verb} container \`${name}\`: ${reason(failure)}`, { code: 'launch', hint: hint(failure) });
}

/** EACCES and the like; the number where there is no name. */
function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : String(errno);
}

function reason({ stage, errno, detail }: LaunchFailure): string {
  const name = errnoName(errno);
  if (stage === 'exec' && (name === 'ENOENT' || name === 'ENOTDIR')) return `command \`${detail}\` not found in the container`;
  if (stage === 'exec' && name === 'EACCES') return `command \`${detail}\` is not executable`;
  if (stage === 'exec' && name === 'ENOEXEC') return `command \`${detail}\` is neither a program for this machine nor a script with \`#!\``;
  if (stage === 'cwd') return `working directory \`${detail}\` cannot be entered (${name})`;
  return `${stage} \`${detail}\` failed with ${name}`;
}

function hint({ stage, errno, detail }: LaunchFailure): string | undefined {
  const name = errnoName(errno);
  if (name === 'ENOSYS') return 'tsstack needs Linux 5.12 or later; `tsstack doctor` says more';
  // Linux 6.1 has no net.core there, later kernels have it (net/core/sysctl_net_core.c).
  if (stage === 'sysctl' && name === 'ENOENT') return "older kernels show a user namespace fewer of them; `userns: 'host'` has all";
  if (stage === 'clone3' && (name === 'ENOSPC' || name === 'EPERM' || name === 'EINVAL')) {
    return "this host may not allow user namespaces (`sysctl user.max_user_namespaces`); `userns: 'host'` does without";
  }
  if (stage === 'exec' && name === 'ENOENT' && detail.includes('/')) return 'a script whose `#!` interpreter is missing also gives this';
  if (stage === 'cgroup' && name === 'ENOSPC') return 'the cgroup has no cpus or memory nodes yet: `cpuset.cpus` is empty';
  if (stage === 'log' || stage === 'status') return `is the disk full, or read-only?`;
  return undefined;
}
