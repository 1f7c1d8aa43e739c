import { type Cache, hashOf } from './cache.ts';
import { transpile } from './transpile.ts';

/** Raised when `transpile.ts` gives something else for the same file. */
const FORMAT = '1';

/** A source file made ready to be evaluated. */
export interface Compiled {
  readonly file: string;
  readonly code: string;
  readonly requires: readonly string[];
  readonly awaits: boolean;
  /** JSON of its source map; read when an error has to be shown. */
  readonly map: () => string | undefined;
}

/** From the cache, by the hash of the content; else transpiled and kept. */
export function compile(file: string, source: string, from: { readonly cache: Cache; readonly packageRoot: string }): Compiled {
  const { cache, packageRoot } = from;
  const key = hashOf(FORMAT, source);
  const kept = cache.read(`${key}.js`);
  if (kept !== undefined) {
    const end = kept.indexOf('\n');
    const header: Pick<Compiled, 'requires' | 'awaits'> = JSON.parse(kept.slice(0, end));
    return { file, code: kept.slice(end + 1), ...header, map: () => cache.read(`${key}.map`) };
  }
  const { code, map, requires, awaits } = transpile(file, source, packageRoot);
  cache.write(`${key}.map`, map);
  cache.write(`${key}.js`, `${JSON.stringify({ requires, awaits })}\n${code}`);
  return { file, code, requires, awaits, map: () => map };
}
