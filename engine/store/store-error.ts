import { TsstackError } from '../model/errors.ts';

/** `cannot write blob `sha256:…`` and why. A TsstackError stays as it is, and so does the reason of an abort: both know more. */
export function storeError(what: string, cause: unknown, hint?: string): Error {
  if (cause instanceof TsstackError || (cause instanceof Error && cause.name === 'AbortError')) return cause;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const why = cause instanceof Error ? cause.message.replace(/, \w+( '.*)?$/, '') : String(cause);
  return new TsstackError(`${what}: ${why}`, { code: 'image', hint: hint ?? HINTS[code], cause });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space (`tsstack prune --all` removes images that no stack uses), then try again',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the filesystem is read-only',
  EACCES: 'run it as root',
  EPERM: 'run it as root',
};

export function hintForErrno(name: string): string | undefined {
  return HINTS[name];
}
