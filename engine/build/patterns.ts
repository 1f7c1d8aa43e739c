/** Patterns of COPY: Go's path/filepath.Match for each part of a path, and `**` for any number of parts. */

export interface PathPattern {
  /** `**`, a name, or what names must match. */
  readonly parts: readonly ('**' | { readonly name: string } | { readonly matches: RegExp })[];
  /** It names one thing. */
  readonly isLiteral: boolean;
}

/** `/src` is `src`: the start is always the context. @throws Error why it is none. */
export function parsePattern(pattern: string): PathPattern {
  const words = pattern.split('/').filter((word) => word !== '' && word !== '.');
  const parts = words.map((word) => {
    if (word === '..') throw new Error('it leads out of the context');
    if (word === '**') return '**' as const;
    return /[*?[\\]/.test(word) ? { matches: new RegExp(`^${sourceOf(word)}$`, 's') } : { name: word };
  });
  return { parts, isLiteral: parts.every((part) => typeof part === 'object' && 'name' in part) };
}

function sourceOf(word: string): string {
  let source = '';
  for (let i = 0; i < word.length; i++) {
    const char = word.charAt(i);
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') {
      if (i + 1 === word.length) throw new Error('it ends in a backslash');
      source += literal(word.charAt(++i));
    } else if (char === '[') {
      const { text, end } = classAt(word, i);
      source += text;
      i = end;
    } else source += literal(char);
  }
  return source;
}

/** `[a-z]`, `[^a\]]`. */
function classAt(word: string, start: number): { readonly text: string; readonly end: number } {
  const [whole, negated = '', members = ''] = /^\[(\^?)((?:\\.|[^\]\\])+)\]/s.exec(word.slice(start)) ?? [];
  if (whole === undefined) throw new Error('a `[` is not closed');
  const text = members.replace(/\\(.)|[\s\S]/g, (char, escaped: string | undefined) => {
    if (escaped !== undefined) return `\\${escaped}`;
    return char === '-' ? '-' : char.replace(/[\\^[\]]/g, '\\$&');
  });
  // Checked by making it: `[z-a]` is none.
  new RegExp(`[${text}]`);
  return { text: `[${negated}${text}]`, end: start + whole.length - 1 };
}

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
}
