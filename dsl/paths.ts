/** Paths as a stack file has them. `node:path/posix` is pure but for `resolve`, which is only given an absolute start. */
import { isAbsolute, normalize, resolve } from 'node:path/posix';
import type { IssuePath } from './issues.ts';
import type { Scope } from './scope.ts';

/** Absolute host path of what is written: relative to the stack file, `~` is HOME. */
export function readHostPath(written: string, path: IssuePath, scope: Scope): string | undefined {
  if (written === '' || written.includes('\0')) return scope.log.add(path, written, 'is no path');
  if (written !== '~' && !written.startsWith('~/')) return resolve(scope.directory, written);
  const home = scope.env['HOME'];
  if (home === undefined || !isAbsolute(home)) return scope.log.add(path, written, 'cannot be found: HOME is not set');
  return resolve(home, `.${written.slice(1)}`);
}

/** Absolute path in a container, without `.`, `..` and a trailing slash. */
export function readContainerPath(written: string, path: IssuePath, scope: Scope): string | undefined {
  if (!isAbsolute(written) || written.includes('\0')) return scope.log.add(path, written, 'must be an absolute path in the container');
  const clean = normalize(written);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}
