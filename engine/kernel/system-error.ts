import { TsstackError } from '../model/errors.ts';

/** The errno's name (`ENOENT`) of an error of Node's; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : undefined;
}

/** What `read` gives; undefined if one of `errnos` says that there is nothing to read. */
export function unlessErrno<T>(errnos: readonly string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** `cannot write `/x`` and why, with a hint where the errno has one. A TsstackError stays as it is: it knows more. */
export function systemError(what: string, cause: unknown, hint?: string): TsstackError {
  if (cause instanceof TsstackError) return cause;
  const errno = errnoOf(cause);
  // Node's message: `ENOSPC: no space left on device, write '/x'`
  const why = cause instanceof Error ? cause.message.replace(/, \w+( '.*)?$/, '') : String(cause);
  const denied = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS';
  return new TsstackError(`${what}: ${why}`, { code: denied ? 'permission' : 'kernel', hint: hint ?? HINTS[errno ?? ''], cause });
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space, then run `tsstack up` again',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the filesystem is read-only',
  EACCES: 'run it as root',
  EPERM: 'run it as root',
};
