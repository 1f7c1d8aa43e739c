import { readFileSync } from 'node:fs';
import { TsstackError } from '../../engine/model/errors.ts';

/**
 * What could not be watched, in words. The kernel's own are misleading: a user's watches that are used up are "no space left on device", their
 * inotify instances "too many open files" (inotify(7), inotify_add_watch(2), inotify_init(2)).
 */
export function watchError(error: unknown, readLimit: (name: string) => string = limitOfThisHost): TsstackError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const path = error instanceof Error && 'path' in error ? ` \`${String(error.path)}\`` : ' a file';
  const limit = LIMITS[code];
  if (limit === undefined) {
    const why = error instanceof Error ? error.message : String(error);
    return new TsstackError(`cannot watch${path}: ${why}`, { code: 'kernel', cause: error });
  }
  const { name, what } = limit;
  const value = readLimit(name);
  const raised = Math.max(Number(value) * 4 || 0, limit.enough);
  return new TsstackError(
    `cannot watch${path}: this user's inotify ${what} are used up (\`fs.inotify.${name}\` is ${value}); changes there go unseen`,
    {
      code: 'kernel',
      hint: `\`sysctl fs.inotify.${name}=${raised}\` raises it until the next boot, a file in /etc/sysctl.d for good; or \`ignore\` directories in watch rules`,
      cause: error,
    },
  );
}

const LIMITS: Readonly<Record<string, { readonly name: string; readonly what: string; readonly enough: number }>> = {
  ENOSPC: { name: 'max_user_watches', what: 'watches', enough: 524_288 },
  EMFILE: { name: 'max_user_instances', what: 'instances', enough: 1024 },
};

function limitOfThisHost(name: string): string {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8').trim();
  } catch (error) {
    return `unknown: ${error instanceof Error ? error.message : String(error)}`;
  }
}
