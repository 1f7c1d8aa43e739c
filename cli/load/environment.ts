import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnvFile } from '../../dsl/env-file.ts';
import { TsstackError } from '../../engine/model/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Need not be there. */
export function environmentFile(directory: string): string {
  return join(directory, '.env');
}

/** `.env` of the directory, if there is one, and over it `env`. */
export function readEnvironment(directory: string, env: Environment): Environment {
  const file = environmentFile(directory);
  const text = readIfThere(file);
  if (text === undefined) return { ...env };
  const parsed = parseEnvFile(text);
  if ('error' in parsed) throw new TsstackError(`cannot read \`${file}\`: ${parsed.error}`, { code: 'invalid-stack-file' });
  const own = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  return { ...parsed.values, ...own };
}

/** Runs with the variables in `process.env` that are not there already, and takes them out again. */
export async function withProcessEnvironment<T>(env: Environment, run: () => Promise<T>): Promise<T> {
  const added = Object.entries(env).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of added) if (value !== undefined) process.env[name] = value;
  try {
    return await run();
  } finally {
    for (const [name] of added) delete process.env[name];
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EISDIR')) return undefined;
    throw new TsstackError(`cannot read \`${file}\`: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'invalid-stack-file',
      cause: error,
    });
  }
}
