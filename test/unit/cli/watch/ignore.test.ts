import { expect, test } from 'vitest';
import { compileIgnore } from '../../../../cli/watch/ignore.ts';

test.each<[string, readonly string[], readonly string[]]>([
  // glob, what it leaves out, what it doesn't; a slash at the end of a path: a directory
  ['*.log', ['a.log', 'x/y/a.log', '.log'], ['a.log.txt', 'log']],
  ['node_modules', ['node_modules/', 'node_modules/a/b', 'x/node_modules/a'], ['node_modules2', 'my_node_modules/a']],
  ['build/', ['build/', 'build/a', 'x/build/a'], ['build', 'x/build']],
  ['/top', ['top', 'top/a'], ['x/top']],
  ['./top', ['top'], ['x/top']],
  ['a/b', ['a/b', 'a/b/c'], ['x/a/b', 'a/x/b']],
  ['**/a/b', ['a/b', 'x/a/b', 'x/y/a/b/c'], ['xa/b']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'b']],
  ['a/**', ['a/x', 'a/x/y'], ['a/', 'a']],
  ['**', ['a', 'a/b'], []],
  ['a/*', ['a/x', 'a/x/y'], ['a', 'b/x']],
  ['?.js', ['a.js', 'x/a.js'], ['ab.js', '.js']],
  ['[ab].js', ['a.js', 'b.js'], ['c.js']],
  ['[!a-c].js', ['d.js'], ['a.js', 'b.js', '/.js']],
  ['a.b', ['a.b'], ['axb']],
  ['(a|b)+$', ['(a|b)+$'], ['a', 'ab']],
  ['\\*.js', ['*.js'], ['a.js']],
  ['\\#a', ['#a'], ['a']],
  ['#a', [], ['#a', 'a']],
  ['  ', [], ['a', ' ']],
  ['a  ', ['a'], ['a  ']],
])('`%s`', (glob, ignored, kept) => {
  const ignore = compileIgnore([glob]);
  const decide = (path: string) => ignore(path.replace(/\/$/, ''), path.endsWith('/'));
  expect(ignored.filter((path) => !decide(path))).toEqual([]);
  expect(kept.filter(decide)).toEqual([]);
});

test('the last glob that matches decides, but not below a directory that is left out', () => {
  const ignore = compileIgnore(['*.log', '!keep.log', 'dist', '!dist/keep.log']);
  expect(ignore('a.log', false)).toBe(true);
  expect(ignore('x/keep.log', false)).toBe(false);
  expect(ignore('dist/keep.log', false)).toBe(true);
});
