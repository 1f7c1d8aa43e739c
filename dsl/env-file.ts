/**
 * A `.env` or `envFile`, by Compose's rules: `NAME=value`, `NAME: value`, `export NAME=value`; `#` starts a comment at the start of a
 * line or after a blank; `'…'` is literal; `"…"` knows `\n \r \t \" \\ \$`; both may span lines; `NAME` alone is no variable
 * here (Compose takes it from its environment, which an environment file of a container should not depend on). No expansion.
 */
export type EnvFile = { readonly values: Readonly<Record<string, string>> } | { readonly error: string };

const NAME = /(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?:=|:[ \t])[ \t]*/y;
const BARE_NAME = /(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_.-]*[ \t]*(?:#[^\n]*)?(?=\n|$)/y;
const BLANK = /(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:#[^\n]*$)?/y;
const UNQUOTED = /[^\n]*/y;
const SINGLE = /'([^']*)'/y;
const DOUBLE = /"((?:[^"\\]|\\[\s\S])*)"/y;
const REST_OF_LINE = /[ \t]*(?:#[^\n]*)?(?=\n|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/** Later lines win. The error tells the line. */
export function parseEnvFile(content: string): EnvFile {
  const text = content.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const values = new Map<string, string>();
  const cursor = { text, at: 0 };
  for (;;) {
    take(cursor, BLANK);
    if (cursor.at >= text.length) return { values: Object.fromEntries(values) };
    const line = text.slice(0, cursor.at).split('\n').length;
    const name = take(cursor, NAME)?.[1];
    if (name === undefined) {
      if (take(cursor, BARE_NAME) === undefined) return { error: `line ${line} is not \`NAME=value\`` };
    } else {
      const value = takeValue(cursor);
      if (value === undefined) return { error: `line ${line}: the quote of \`${name}\` is not closed, or something follows it` };
      values.set(name, value);
    }
    cursor.at++;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function takeValue(cursor: Cursor): string | undefined {
  const quote = cursor.text[cursor.at];
  if (quote === "'" || quote === '"') {
    const raw = take(cursor, quote === "'" ? SINGLE : DOUBLE)?.[1];
    if (raw === undefined || take(cursor, REST_OF_LINE) === undefined) return undefined;
    return quote === "'" ? raw : raw.replace(/\\([\s\S])/g, (all, char: string) => ESCAPES[char] ?? all);
  }
  const raw = take(cursor, UNQUOTED)?.[0] ?? '';
  return raw.replace(/(^|[ \t])#.*$/, '').trim();
}

function take(cursor: Cursor, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match === null) return undefined;
  cursor.at = pattern.lastIndex;
  return match;
}
