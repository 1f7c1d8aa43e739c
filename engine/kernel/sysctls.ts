import { readFileSync, writeFileSync } from 'node:fs';
import { TsstackError } from '../model/errors.ts';
import type { Executors } from '../model/plan.ts';
import type { SysctlState } from '../model/resources.ts';

/** What each of these holds; one the kernel doesn't have (a module that isn't loaded, an older kernel) is left out. Throws TsstackError. */
export function observeSysctls(paths: readonly string[]): readonly SysctlState[] {
  return paths.flatMap((path) => {
    try {
      return [{ path, value: readFileSync(`/proc/sys/${path}`, 'utf8').trim() }];
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') return [];
      throw sysctlFailure('read', path, cause);
    }
  });
}

export function sysctlExecutors(): Pick<Executors, 'sysctl.write'> {
  return {
    async 'sysctl.write'({ sysctl }, signal) {
      signal.throwIfAborted();
      try {
        // No O_CREAT: what the kernel doesn't have is ENOENT, not EACCES.
        writeFileSync(`/proc/sys/${sysctl.path}`, sysctl.value, { flag: 'r+' });
      } catch (cause) {
        throw sysctlFailure('write', sysctl.path, cause);
      }
    },
  };
}

function sysctlFailure(verb: 'read' | 'write', path: string, cause: unknown): TsstackError {
  const code = errorCode(cause);
  return new TsstackError(`cannot ${verb} sysctl \`${path.replaceAll('/', '.')}\`: ${code ?? String(cause)}`, {
    code: code === 'EACCES' || code === 'EPERM' ? 'permission' : 'kernel',
    hint: code === undefined ? undefined : HINTS[code],
    cause,
  });
}

function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'this kernel has no such setting; the module that brings it may not be loaded',
  EACCES: 'writing sysctls needs root',
  EPERM: 'writing sysctls needs root',
  EROFS: '/proc/sys is read-only here, as in most containers',
  EINVAL: 'the kernel does not take this value',
};
