/** `bin/tsstack.cjs` with a bundle of a few lines instead of the CLI. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsstack-start-'));
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'dist'));
  copyFileSync(join(import.meta.dirname, '../../../bin/tsstack.cjs'), join(root, 'bin/tsstack.cjs'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function bundle(main: string, hash = 'abc1'): void {
  writeFileSync(
    join(root, 'dist/cli.cjs'),
    `/* ${hash} */"use strict";exports.main = async (argv, { packageRoot, build }) => {${main}};\n`,
  );
}
function start(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/tsstack.cjs'), ...argv], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}
const cacheFiles = () => readdirSync(join(root, 'dist/cache')).map((name) => join(root, 'dist/cache', name));
const seen = () => cacheFiles().map((file) => readFileSync(file, 'latin1').split('\n', 1)[0]);

test('the bundle gets its arguments and the place of the package, and its result is the exit code', () => {
  bundle('console.log(argv.join(" "), packageRoot, build, require("node:path").sep, __dirname); return 7;');
  expect(start('up', '-d')).toEqual({ code: 7, out: `up -d ${root} abc1 / ${join(root, 'dist')}\n`, err: '' });
});

test('the bundle may import ES modules', () => {
  writeFileSync(join(root, 'dist/module.mjs'), 'export const answer = 42;');
  bundle('const { answer } = await import("./module.mjs"); console.log(answer); return 0;');
  expect(start().out).toBe('42\n');
});

test('the cache is written after a run, again for another command, and then left alone', () => {
  bundle('return 0;');
  start('up');
  expect(seen()).toEqual(['up']);
  start('ps');
  expect(seen()).toEqual(['up ps']);
  const before = cacheFiles().map((file) => statSync(file).mtimeMs);
  expect(start('ps').code).toBe(0);
  expect(cacheFiles().map((file) => statSync(file).mtimeMs)).toEqual(before);
});

test('a cache that V8 rejects is made anew', () => {
  bundle('return 0;');
  start('up');
  for (const file of cacheFiles()) writeFileSync(file, 'up ps\nnot what V8 wrote');
  expect(start('up')).toEqual({ code: 0, out: '', err: '' });
  expect(seen()).toEqual(['up']);
});

test('another bundle does not get the old one’s cache, even if it is as long', () => {
  bundle('console.log(1); return 0;', 'abc1');
  start('up');
  bundle('console.log(2); return 0;', 'abc2');
  expect(start('up').out).toBe('2\n');
});

test('a cache that cannot be written is done without, silently', () => {
  bundle('return 0;');
  writeFileSync(join(root, 'dist/cache'), 'in the way');
  expect(start('up')).toEqual({ code: 0, out: '', err: '' });
});

test('the version is told without a bundle', () => {
  writeFileSync(join(root, 'package.json'), '{ "version": "1.2.3" }');
  expect(start('--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
});

test('without a bundle it says what to do', () => {
  expect(start('up')).toEqual({ code: 1, out: '', err: 'error: tsstack is not built\n  hint: run `npm run build`\n' });
});
