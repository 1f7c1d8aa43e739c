// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the variables of Dockerfiles
import { describe, expect, it } from 'vitest';
import { expand, splitWords } from '../../../../engine/build/words.ts';

const values: Readonly<Record<string, string>> = { A: 'one', EMPTY: '', PATHS: 'a/b/c.tar.gz', S: 'a b' };
const expanded = (text: string, escapeChar = '\\', keepQuotes = false) =>
  expand(text, { variable: (name) => values[name], escapeChar, keepQuotes });

describe('variables of a Dockerfile', () => {
  it.each([
    ['$A', 'one'],
    ['x${A}y', 'xoney'],
    ['$A_', ''],
    ['$A-$A', 'one-one'],
    ['$UNSET|', '|'],
    ['$', '$'],
    ['a$ b', 'a$ b'],
    ['$1x', 'x'],
    ['\\$A', '$A'],
    ['\\${A}', '${A}'],
    ['\\\\$A', '\\one'],
    ['a\\ b', 'a b'],
    ['a\\', 'a'],
    ["'$A'", '$A'],
    ['"$A"', 'one'],
    ['"\\$A \\" \\n \\\\"', '$A " \\n \\'],
    [`"it's"`, "it's"],
    [`'say "x"'`, 'say "x"'],
    ['${UNSET:-word}', 'word'],
    ['${EMPTY:-word}', 'word'],
    ['${EMPTY-word}', ''],
    ['${A:-word}', 'one'],
    ['${UNSET:-$A}', 'one'],
    ['${UNSET:-${EMPTY:-deep}}', 'deep'],
    ['${UNSET:-"}"}', '}'],
    ['${A:+word}', 'word'],
    ['${EMPTY:+word}', ''],
    ['${EMPTY+word}', 'word'],
    ['${UNSET+word}', ''],
    ['${A:?no}', 'one'],
    ['${PATHS#*/}', 'b/c.tar.gz'],
    ['${PATHS##*/}', 'c.tar.gz'],
    ['${PATHS%.*}', 'a/b/c.tar'],
    ['${PATHS%%.*}', 'a/b/c'],
    ['${PATHS%?z}', 'a/b/c.tar.'],
    ['${PATHS#b}', 'a/b/c.tar.gz'],
    ['${PATHS#\\a}', '/b/c.tar.gz'],
    ['${A/o/0}', '0ne'],
    ['${PATHS//\\//-}', 'a-b-c.tar.gz'],
    ['${PATHS/*./$A.}', 'one.gz'],
    ['${PATHS//./}', 'a/b/ctargz'],
    ['${UNSET/x/y}', ''],
  ])('%s is `%s`', (text, result) => {
    expect(expanded(text)).toBe(result);
  });

  it('has the escape that the directive names', () => {
    expect(expanded('C:\\`$A\\$A', '`')).toBe('C:\\$A\\one');
  });

  it('leaves quotes in a heredoc', () => {
    expect(expanded(`"$A" '$A' \\$A`, '\\', true)).toBe(`"one" 'one' $A`);
  });

  it.each([
    ['${A:?}', undefined],
    ['${UNSET:?give it}', '`UNSET` is not set: give it'],
    ['${EMPTY:?}', '`EMPTY` is not set'],
    ['${UNSET?}', '`UNSET` is not set'],
    ['${A', 'is closed by no `}`'],
    ['${}', 'names no variable'],
    ['${A:-x', 'a `}` is missing'],
    ['${A/x}', 'a `/` is missing'],
    ['${A@Q}', 'unknown modifier'],
    ["'a", 'a single quote is not closed'],
    ['"a', 'a double quote is not closed'],
  ])('%s is refused', (text, why) => {
    if (why === undefined) expect(expanded(text)).toBe('one');
    else expect(() => expanded(text)).toThrow(why);
  });
});

it('words end at blanks that are neither quoted nor escaped', () => {
  expect(splitWords(`a  b="c d" 'e f'g h\\ i "j\\" k"`, '\\')).toEqual(['a', 'b="c d"', "'e f'g", 'h\\ i', '"j\\" k"']);
  expect(splitWords('', '\\')).toEqual([]);
});
