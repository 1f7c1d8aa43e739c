/** Words and variables of a Dockerfile (Dockerfile reference, "Environment replacement"). Errors are plain: the caller knows the place. */

export interface Expansion {
  /** Undefined: it is not set. */
  readonly variable: (name: string) => string | undefined;
  /** `\` or `` ` ``. */
  readonly escapeChar: string;
  /** In a heredoc quotes are text. */
  readonly keepQuotes?: boolean;
  /** In a pattern an escape makes the next character literal: the pattern takes it away. */
  readonly keepEscapes?: boolean;
}

/** Words between blanks, with their quotes and escapes: a blank that is quoted or escaped is part of its word. */
export function splitWords(text: string, escapeChar: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === escapeChar && quote !== "'" && i + 1 < text.length) {
      word += char + text.charAt(++i);
    } else if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      word += char;
    }
  }
  return word === '' ? words : [...words, word];
}

/** Replaces variables and takes quotes and escapes away. @throws Error why it cannot. */
export function expand(text: string, expansion: Expansion): string {
  return expandUntil({ text, at: 0 }, '', expansion);
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** Up to `stop`, which it leaves; to the end if that is ''. */
function expandUntil(cursor: Cursor, stop: string, expansion: Expansion): string {
  const { text } = cursor;
  let result = '';
  while (cursor.at < text.length) {
    const char = text.charAt(cursor.at);
    if (char === stop) return result;
    cursor.at++;
    if (char === '$') result += expandVariable(cursor, expansion);
    else if (char === expansion.escapeChar) result += (expansion.keepEscapes ? '\\' : '') + text.charAt(cursor.at++);
    else if (char === "'" && !expansion.keepQuotes) result += readSingleQuoted(cursor);
    else if (char === '"' && !expansion.keepQuotes) result += readDoubleQuoted(cursor, expansion);
    else result += char;
  }
  if (stop !== '') throw new Error(`a \`${stop}\` is missing`);
  return result;
}

function readSingleQuoted(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at);
  if (end < 0) throw new Error('a single quote is not closed');
  const value = cursor.text.slice(cursor.at, end);
  cursor.at = end + 1;
  return value;
}

/** In it the escape takes effect before `"`, `$` and itself, and is text otherwise. */
function readDoubleQuoted(cursor: Cursor, expansion: Expansion): string {
  let result = '';
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at++);
    const next = cursor.text.charAt(cursor.at);
    if (char === '"') return result;
    if (char === '$') result += expandVariable(cursor, expansion);
    else if (char === expansion.escapeChar && next !== '' && `"$${expansion.escapeChar}`.includes(next)) {
      result += next;
      cursor.at++;
    } else result += char;
  }
  throw new Error('a double quote is not closed');
}

/** After the `$`. What isn't set is empty; a `$` that no name follows is text. */
function expandVariable(cursor: Cursor, expansion: Expansion): string {
  if (cursor.text.charAt(cursor.at) === '{') return expandBraced(cursor, expansion);
  const name = readName(cursor);
  return name === '' ? '$' : (expansion.variable(name) ?? '');
}

function readName(cursor: Cursor): string {
  const name = /^(?:[A-Za-z_]\w*|\d+|[@*#?!-])/.exec(cursor.text.slice(cursor.at))?.[0] ?? '';
  cursor.at += name.length;
  return name;
}

function expandBraced(cursor: Cursor, expansion: Expansion): string {
  cursor.at++;
  const start = cursor.at;
  const name = readName(cursor);
  if (name === '') throw new Error(`\`\${${cursor.text.slice(start)}\` names no variable`);
  const [operator = ''] = /^(?::[-+?]|[-+?]|##?|%%?|\/\/?|\})/.exec(cursor.text.slice(cursor.at)) ?? [];
  cursor.at += operator.length;
  const value = expansion.variable(name);
  if (operator === '}') return value ?? '';
  if (operator === '') throw new Error(`\`\${${name}${cursor.text.slice(cursor.at)}\` is closed by no \`}\`, or has an unknown modifier`);
  const isReplacement = operator.startsWith('/');
  const keepEscapes = isReplacement || /^[#%]/.test(operator);
  const word = expandUntil(cursor, isReplacement ? '/' : '}', { ...expansion, keepEscapes });
  cursor.at++;
  if (!isReplacement) return modify(name, value, { operator, word });
  const replacement = expandUntil(cursor, '}', expansion);
  cursor.at++;
  return (value ?? '').replace(new RegExp(patternSource(word, true), operator === '//' ? 'gs' : 's'), () => replacement);
}

function modify(name: string, value: string | undefined, { operator, word }: { operator: string; word: string }): string {
  const absent = operator.startsWith(':') ? value === undefined || value === '' : value === undefined;
  switch (operator) {
    case ':-':
    case '-':
      return absent ? word : (value ?? '');
    case ':+':
    case '+':
      return absent ? '' : word;
    case ':?':
    case '?':
      if (absent) throw new Error(`\`${name}\` is not set${word === '' ? '' : `: ${word}`}`);
      return value ?? '';
    default:
      return trim(value ?? '', word, operator);
  }
}

/** `#` and `%` take the shortest match from the start and the end, `##` and `%%` the longest. */
function trim(value: string, pattern: string, operator: string): string {
  const whole = new RegExp(`^(?:${patternSource(pattern, true)})$`, 's');
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length);
  if (operator.length === 2) lengths.reverse();
  const fromStart = operator.startsWith('#');
  const length = lengths.find((count) => whole.test(fromStart ? value.slice(0, count) : value.slice(value.length - count)));
  if (length === undefined) return value;
  return fromStart ? value.slice(length) : value.slice(0, value.length - length);
}

/** `*` and `?` of the shell; there are no classes. A backslash makes the next character literal. */
function patternSource(pattern: string, greedy: boolean): string {
  return pattern.replace(/\\(.)|[\s\S]/g, (char, escaped: string | undefined) => {
    if (escaped !== undefined) return escapeRegExp(escaped);
    if (char === '*') return greedy ? '.*' : '.*?';
    return char === '?' ? '.' : escapeRegExp(char);
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
