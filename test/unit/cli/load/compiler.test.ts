import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadCompiler } from '../../../../cli/load/compiler.ts';

// V8 would remember the source by itself, and not look at what was kept.
beforeAll(() => setFlagsFromString('--no-compilation-cache'));
afterAll(() => setFlagsFromString('--compilation-cache'));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsstack-compiler-'));
  mkdirSync(join(root, 'node_modules/typescript'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const require = () => createRequire(join(root, 'package.json'));
const kept = () => readdirSync(join(root, 'dist/cache'));
const only = () => join(root, 'dist/cache', kept()[0] ?? 'none');

/** As another process would. */
function loadAnew() {
  delete require().cache[require().resolve('typescript')];
  return loadCompiler(root);
}

function install(version: string) {
  writeFileSync(
    join(root, 'node_modules/typescript/index.js'),
    `function version() { return '${version}'; }
     exports.version = version;
     exports.path = require('node:path').join(__dirname, 'lib');`,
  );
}

test('it is the module that `require` gives, and gives to others', () => {
  install('ü1');
  const { typescript } = loadAnew();
  expect(typescript).toBe(require()('typescript'));
  expect(typescript).toMatchObject({ path: join(root, 'node_modules/typescript/lib') });
  expect((typescript.version as unknown as () => string)()).toBe('ü1');
  expect(loadCompiler(root).typescript).toBe(typescript);
  // Else Node takes a look at what is missing in it for a circular dependency, and warns.
  expect(require().cache[require().resolve('typescript')]?.loaded).toBe(true);
});

test('what V8 made of it is kept once, and made anew when it is damaged or the module is another', () => {
  install('1');
  loadAnew().keep();
  const first = readFileSync(only());
  writeFileSync(only(), first.subarray(0, first.length / 2));
  loadAnew().keep();
  expect(readFileSync(only()).length, 'damaged: made anew').toBe(first.length);

  const marked = readFileSync(only());
  loadAnew().keep();
  expect(readFileSync(only()).equals(marked), 'whole: left alone').toBe(true);

  install('1.5');
  expect((loadAnew().typescript.version as unknown as () => string)()).toBe('1.5');
  loadAnew().keep();
  expect(kept()).toHaveLength(2);
});

test('where nothing can be written, it works as without', () => {
  install('1');
  writeFileSync(join(root, 'dist'), 'a file');
  const { typescript, keep } = loadAnew();
  keep();
  expect((typescript.version as unknown as () => string)()).toBe('1');
});
