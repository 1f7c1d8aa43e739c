/**
 * Splits a command line into words as POSIX sh does (XCU 2.2, Quoting), without expansion: blanks separate, `'…'` is literal,
 * `"…"` knows `\"`, `\\`, `\$`, `` \` `` and backslash-newline, a backslash elsewhere takes the next character as it is.
 */
export function splitCommand(text: string): { readonly words: readonly string[] } | { readonly error: string } {
  const words: string[] = [];
  let word: string | undefined;
  let i = 0;
  while (i < text.length) {
    const char = text.charAt(i++);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = readQuoted(text, { start: i, quote: char });
      if (quoted === undefined) return { error: `a ${char === '"' ? 'double' : 'single'} quote is not closed` };
      word = (word ?? '') + quoted.value;
      i = quoted.end;
    } else if (char === '\\') {
      if (i === text.length) return { error: 'it ends in a backslash' };
      const next = text.charAt(i++);
      if (next !== '\n') word = (word ?? '') + next;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return { words };
}

function readQuoted(text: string, from: { readonly start: number; readonly quote: string }): { value: string; end: number } | undefined {
  let value = '';
  for (let i = from.start; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === from.quote) return { value, end: i + 1 };
    const next = text.charAt(i + 1);
    if (from.quote === '"' && char === '\\' && next !== '' && '"\\$`\n'.includes(next)) {
      if (next !== '\n') value += next;
      i++;
    } else {
      value += char;
    }
  }
  return undefined;
}
