import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TsstackError } from '../../engine/model/errors.ts';
import { withDependencies } from './dependencies.ts';

const NAMES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `stack.config.${extension}`);

/**
 * The stack file, its directory's links resolved: the one that is named, else the first `stack.config.*` in the directory or above it.
 * Errors: `not-found`, with the names that were looked for as its dependencies.
 */
export function findStackFile(directory: string, named: string | undefined): string {
  if (named !== undefined) {
    const file = resolve(directory, named);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isFile() === true) return withRealDirectory(file);
    if (found?.isDirectory() === true) {
      const inside = inDirectory(file);
      if (inside !== undefined) return withRealDirectory(inside);
    }
    const why = found === undefined ? 'there is no such file' : found.isDirectory() ? `it has no \`${NAMES[0]}\`` : 'it is no file';
    const error = new TsstackError(`cannot load the stack file \`${named}\`: ${why}`, { code: 'not-found' });
    throw withDependencies(error, found?.isDirectory() === true ? namesIn(file) : [file]);
  }
  for (let current = resolve(directory); ; current = dirname(current)) {
    const file = inDirectory(current);
    if (file !== undefined) return withRealDirectory(file);
    if (current === dirname(current)) break;
  }
  const error = new TsstackError(`cannot find a stack file: there is no \`${NAMES[0]}\` in \`${directory}\` or above it`, {
    code: 'not-found',
    hint: '`--file` names one elsewhere; the README has one to start from',
  });
  throw withDependencies(error, namesIn(resolve(directory)));
}

function namesIn(directory: string): string[] {
  return NAMES.map((name) => join(directory, name));
}

function inDirectory(directory: string): string | undefined {
  return namesIn(directory).find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

/** The stack's identity has the real path of its directory; a stack file that is itself a link belongs to where the link is. */
function withRealDirectory(file: string): string {
  return join(realpathSync.native(dirname(file)), basename(file));
}
