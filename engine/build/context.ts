/** The files that a build may copy: which of them a pattern selects, and the hash of a selection. Never of anything outside. */
import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { nearest } from '../../dsl/suggest.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContextEntry } from './context-entry.ts';
import { contentHasher } from './context-hash.ts';
import { didYouMean } from './dockerfile-errors.ts';
import { type IgnoreRules, ignoreRules, readIgnoreRules } from './ignore.ts';
import { type PathPattern, parsePattern } from './patterns.ts';

export interface BuildContext {
  /** Absolute, without symbolic links. */
  readonly directory: string;
  /**
   * What the patterns select: of a directory itself and all that is in it. Sorted by root and path. Of a pattern with wildcards nothing may
   * be left. `exclude`: patterns as of `COPY --exclude`, of paths in the context or in what a pattern selected.
   * @throws TsstackError `usage`: something isn't there, is left out, or leads out of the context.
   */
  readonly select: (patterns: readonly string[], exclude?: readonly string[]) => Promise<readonly ContextEntry[]>;
  /** sha256 in hex of names, types, modes, sizes, contents and link targets; not of times. Each file is read once a build. */
  readonly hash: (entries: readonly ContextEntry[]) => Promise<string>;
}

/** `dockerfile`: absolute path; its own ignore file comes first. @throws TsstackError `usage`. */
export async function openContext(directory: string, dockerfile?: string): Promise<BuildContext> {
  let root: string;
  try {
    root = await realpath(directory);
    if (!(await stat(root)).isDirectory()) throw new Error('it is no directory');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : (error as Error).message;
    throw new TsstackError(`cannot build from \`${directory}\`: ${why}`, { code: 'usage', cause: error });
  }
  const rules = await readIgnoreRules(root, dockerfile);
  const hashOf = contentHasher();
  return {
    directory: root,
    select: (patterns, exclude = []) => selectAll(patterns, exclude, { root, rules }),
    hash: hashOf,
  };
}

interface Place {
  readonly root: string;
  readonly rules: IgnoreRules;
}

async function selectAll(patterns: readonly string[], exclude: readonly string[], place: Place): Promise<readonly ContextEntry[]> {
  const excluded = await ignoreRules(exclude);
  const found = new Map<string, ContextEntry>();
  for (const pattern of patterns) {
    const { isLiteral, roots } = await rootsOf(pattern, place);
    for (const root of roots) {
      const isExcluded = (path: string) => {
        const inside = path === root ? basename(path) : relative(root, path);
        return excluded.ignores(path) || excluded.ignores(inside);
      };
      const entries = await entriesBelow(root, { place, isExcluded, hasExceptions: excluded.hasExceptions });
      if (isLiteral && entries.length === 0 && place.rules.ignores(root)) {
        throw new TsstackError(`cannot copy \`${pattern}\`: \`${place.rules.file}\` leaves it out`, { code: 'usage' });
      }
      for (const entry of entries) found.set(`${entry.root}\0${entry.path}`, entry);
    }
  }
  // By code units: the order must not depend on a locale.
  return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, entry]) => entry);
}

/** Paths relative to the context that a pattern names. */
async function rootsOf(written: string, place: Place): Promise<{ readonly isLiteral: boolean; readonly roots: readonly string[] }> {
  const { parts, isLiteral } = readPattern(written);
  const roots = await matching('', parts, place);
  if (isLiteral && roots.length === 0) throw await notThere(written, place);
  return { isLiteral, roots };
}

function readPattern(written: string): PathPattern {
  try {
    return parsePattern(written);
  } catch (error) {
    throw new TsstackError(`cannot copy \`${written}\`: ${(error as Error).message}`, { code: 'usage', cause: error });
  }
}

async function matching(path: string, parts: PathPattern['parts'], place: Place): Promise<readonly string[]> {
  const [part, ...rest] = parts;
  if (part === undefined) return [path];
  if (part !== '**' && 'name' in part) {
    const next = join(path, part.name);
    const stats = await statsOf(next, place);
    return stats === undefined ? [] : await matching(next, rest, place);
  }
  const names = await namesIn(path, place);
  if (part !== '**') {
    const matched = names.filter((name) => part.matches.test(name));
    return (await Promise.all(matched.map((name) => matching(join(path, name), rest, place)))).flat();
  }
  const below = await Promise.all(
    names.map(async (name) => {
      const next = join(path, name);
      const isDirectory = (await lstat(join(place.root, next))).isDirectory();
      if (isDirectory) return await matching(next, parts, place);
      return rest.length === 0 ? [next] : [];
    }),
  );
  return [...new Set([...(await matching(path, rest, place)), ...below.flat()])];
}

/** Of a directory, or a link to one that is in the context. */
async function namesIn(path: string, place: Place): Promise<readonly string[]> {
  const stats = await statsOf(path, place);
  if (stats === undefined || !stats.isDirectory()) return [];
  return await readdir(join(place.root, path));
}

/** Follows symbolic links. Undefined: nothing is there. @throws TsstackError if it leads out of the context. */
async function statsOf(path: string, place: Place): Promise<Stats | undefined> {
  try {
    return await stat(await resolveInside(path, place));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function resolveInside(path: string, { root }: Place): Promise<string> {
  const resolved = await realpath(join(root, path));
  const inside = resolved === root || resolved.startsWith(root === '/' ? '/' : `${root}/`);
  if (inside) return resolved;
  throw new TsstackError(`cannot copy \`${path}\`: it is a symbolic link to \`${resolved}\`, out of the context \`${root}\``, {
    code: 'usage',
  });
}

interface Walk {
  readonly place: Place;
  readonly isExcluded: (path: string) => boolean;
  readonly hasExceptions: boolean;
}

async function entriesBelow(root: string, walk: Walk): Promise<readonly ContextEntry[]> {
  const { place } = walk;
  const source = await resolveInside(root, place);
  const real = relative(place.root, source);
  // A link shows no more than the context does: what it leads to must not be left out.
  if (real !== root && place.rules.ignores(real))
    throw new TsstackError(`cannot copy \`${root}\`: \`${place.rules.file}\` leaves out \`${real}\``, { code: 'usage' });
  return await walkFrom({ path: root, root, source }, walk);
}

async function walkFrom(at: Pick<ContextEntry, 'path' | 'root' | 'source'>, walk: Walk): Promise<readonly ContextEntry[]> {
  const { place, isExcluded } = walk;
  const stats = await lstat(at.source);
  const leftOut = place.rules.ignores(at.path) || (at.path !== '' && isExcluded(at.path));
  if (leftOut && !(stats.isDirectory() && (place.rules.hasExceptions || walk.hasExceptions))) return [];
  const entry = await entryOf(at, stats);
  if (entry === undefined) return [];
  if (entry.type !== 'directory') return [entry];
  const names = await readdir(at.source);
  const below = await Promise.all(
    names.map((name) => walkFrom({ path: join(at.path, name), root: at.root, source: join(at.source, name) }, walk)),
  );
  const kept = below.flat();
  return leftOut && kept.length === 0 ? [] : [entry, ...kept];
}

/** Undefined: a socket, which is nothing without who listens at it. */
async function entryOf(at: Pick<ContextEntry, 'path' | 'root' | 'source'>, stats: Stats): Promise<ContextEntry | undefined> {
  const mode = stats.mode & 0o7777;
  if (stats.isFile()) return { ...at, type: 'file', mode, size: stats.size, linkTarget: undefined };
  if (stats.isDirectory()) return { ...at, type: 'directory', mode, size: 0, linkTarget: undefined };
  if (stats.isSymbolicLink()) {
    const linkTarget = await readlink(at.source);
    return { ...at, type: 'symlink', mode: 0o777, size: linkTarget.length, linkTarget };
  }
  if (stats.isSocket()) return undefined;
  const what = stats.isFIFO() ? 'a named pipe' : 'a device';
  throw new TsstackError(`cannot copy \`${at.path}\`: it is ${what}`, { code: 'usage', hint: 'name it in `.dockerignore`' });
}

async function notThere(written: string, place: Place): Promise<TsstackError> {
  const clean = written.replace(/^(?:\.?\/)+/, '').replace(/\/$/, '');
  const directory = clean.includes('/') ? clean.slice(0, clean.lastIndexOf('/')) : '';
  const meant = nearest(basename(clean), await namesIn(directory, place));
  const hint = didYouMean(meant === undefined ? undefined : join(directory, meant));
  return new TsstackError(`cannot copy \`${written}\`: it is not in the context \`${place.root}\``, { code: 'usage', hint });
}
