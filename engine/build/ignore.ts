import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TsstackError } from '../model/errors.ts';

export interface IgnoreRules {
  /** Where they are written. Undefined: nowhere, and nothing is left out. */
  readonly file: string | undefined;
  /** Of a path relative to the context. */
  readonly ignores: (path: string) => boolean;
  /** Something in a directory that is left out may be taken in again. */
  readonly hasExceptions: boolean;
}

const NONE: IgnoreRules = { file: undefined, ignores: () => false, hasExceptions: false };

/** That of the Dockerfile (`api.Dockerfile.dockerignore`) if there is one, or else the context's own. @throws TsstackError `usage`. */
export async function readIgnoreRules(context: string, dockerfile?: string): Promise<IgnoreRules> {
  for (const file of [...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]), join(context, '.dockerignore')]) {
    const text = await readIfThere(file);
    if (text !== undefined) return await ignoreRules(text.replace(/^\uFEFF/, '').split(/\r?\n/), file);
  }
  return NONE;
}

/** Patterns as in a `.dockerignore`. `file`: for errors. */
export async function ignoreRules(patterns: readonly string[], file?: string): Promise<IgnoreRules> {
  const { default: dockerignore } = await import('@balena/dockerignore');
  const rules = dockerignore.default({ ignorecase: false });
  let hasExceptions = false;
  for (const [index, written] of patterns.entries()) {
    const pattern = escapeForRegExp(written);
    try {
      // A pattern becomes a regular expression when it is first used.
      dockerignore.default().add([pattern]).ignores('x');
    } catch (error) {
      const where = file === undefined ? '' : ` at \`${file}:${index + 1}\``;
      throw new TsstackError(`cannot read the pattern \`${written}\`${where}: it is no pattern of files`, { code: 'usage', cause: error });
    }
    rules.add([pattern]);
    hasExceptions ||= /^\s*!/.test(written);
  }
  return { file, ignores: (path) => path !== '' && path !== '.' && rules.ignores(path), hasExceptions };
}

/** The package leaves what these mean in a regular expression; in a pattern they are letters. */
function escapeForRegExp(pattern: string): string {
  return pattern.replace(/\\.|[+(){}|]/g, (text) => (text.length > 1 ? text : `\\${text}`));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TsstackError(`cannot read \`${file}\`: ${(error as Error).message}`, { code: 'usage', cause: error });
  }
}
