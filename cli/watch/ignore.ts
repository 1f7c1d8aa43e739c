/** Whether a path is left out. Relative, with `/`, without `.` and `..`. */
export type Ignore = (path: string, isDirectory: boolean) => boolean;

/**
 * Globs as gitignore(5) reads them: `*` and `?` and `[…]` stay within a name, `**` goes over directories; a slash at the beginning or in the middle ties a glob to
 * the top, else it counts for names at any depth; one at the end, for directories only; `!` takes back; the last that matches decides. What is in a
 * directory that is left out is left out. Blank ones and those that begin with `#` say nothing.
 */
export function compileIgnore(globs: readonly string[]): Ignore {
  const rules = globs.flatMap((glob) => compileGlob(glob) ?? []);
  const decides = (path: string, isDirectory: boolean) =>
    rules.findLast(({ pattern, onlyDirectories }) => (isDirectory || !onlyDirectories) && pattern.test(path))?.ignores === true;
  return (path, isDirectory) => {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) if (decides(path.slice(0, end), true)) return true;
    return decides(path, isDirectory);
  };
}

interface GlobRule {
  readonly pattern: RegExp;
  readonly ignores: boolean;
  readonly onlyDirectories: boolean;
}

function compileGlob(written: string): GlobRule | undefined {
  const glob = written.replace(/(?<!\\) +$/, '');
  if (glob === '' || glob.startsWith('#')) return undefined;
  const ignores = !glob.startsWith('!');
  const positive = ignores ? glob : glob.slice(1);
  const onlyDirectories = positive.endsWith('/');
  const body = positive.replace(/\/+$/, '').replace(/^\.\//, '/');
  if (body === '') return undefined;
  const top = body.includes('/') ? '' : '(?:.*/)?';
  return { pattern: new RegExp(`^${top}${translate(body.replace(/^\//, ''))}$`, 's'), ignores, onlyDirectories };
}

/** A part that is none of these is a character that stands for itself. */
const PARTS = /(?<=^|\/)\*\*\/|\/\*\*$|^\*\*$|\*+|\?|\[!?\]?[^\]/]*\]|\\?./gs;

function translate(glob: string): string {
  return glob.replace(PARTS, (part) => {
    if (part === '**/') return '(?:.*/)?';
    // What is below a directory, not the directory itself.
    if (part === '/**') return '/.+';
    if (part === '**') return '.+';
    if (part.startsWith('*')) return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.length > 2 && part.startsWith('[')) return `(?!/)${translateSet(part)}`;
    return literal(part.length > 1 && part.startsWith('\\') ? part.slice(1) : part);
  });
}

/** `[!a-z]` → `[^a-z]`. */
function translateSet(set: string): string {
  const negated = set.startsWith('[!');
  const characters = set.slice(negated ? 2 : 1, -1).replace(/[\\\][^]/g, '\\$&');
  return `[${negated ? '^' : ''}${characters}]`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
