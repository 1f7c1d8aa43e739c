import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LoadOptions, loadStackFile } from '../../../../cli/load/stack-file.ts';
import { TsstackError } from '../../../../engine/model/errors.ts';

const packageRoot = fileURLToPath(new URL('../../../../', import.meta.url));
let directory = '';
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-load-')));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}
function load(options: Partial<LoadOptions> = {}) {
  const cacheDirectory = join(directory, '.cache');
  return loadStackFile({ directory, command: 'up', env: { HOME: '/root' }, cacheDirectory, packageRoot, version: 'test', ...options });
}
async function failure(options: Partial<LoadOptions> = {}): Promise<string> {
  const error: unknown = await load(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TsstackError)) throw new Error('expected a TsstackError', { cause: error });
  return error.message.replaceAll(directory, '<dir>');
}
const stack = (image: string) => `export default defineStack({ name: 's', services: { web: { image: ${image} } } });\n`;
const HEAD = `import { defineStack } from 'tsstack';\n`;
const imageOf = async (options: Partial<LoadOptions> = {}) => {
  const image = (await load(options)).spec.services['web']?.image;
  return image?.kind === 'reference' ? image.reference : undefined;
};

/** TypeScript takes a while to load on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

describe('a stack file', () => {
  it.each([
    ['in an ES module project', '{ "type": "module" }'],
    ['in a CommonJS project', '{ "type": "commonjs" }'],
    ['without any package.json', undefined],
  ])('%s uses import.meta, top-level await, JSON and relative imports in every form', async (_, manifest) => {
    write({
      ...(manifest === undefined ? {} : { 'package.json': manifest }),
      'stack.config.ts': `${HEAD}import data from './data.json' with { type: 'json' };
import { a } from './parts/a';
import { b } from './parts/b.js';
import { c } from './parts/c.mts';
import d, { type Unused } from './parts';
import { basename } from 'node:path';
const late = await Promise.resolve('late');
const e = (await import('./parts/e.ts')).e;
const where = [import.meta.url.startsWith('file://'), import.meta.filename.endsWith('stack.config.ts'), basename(import.meta.dirname) !== ''];
${stack("[data.x, a, b, c, d, e, late, where.every(Boolean)].join('-')")}`,
      'data.json': '{ "x": "json" }',
      'parts/a.ts': `export const a: string = 'a';`,
      'parts/b.ts': `import { a } from './a.ts'; export const b = a + 'b';`,
      'parts/c.mts': `export const c = await Promise.resolve('c');`,
      'parts/index.ts': `export type Unused = string; export default 'd';`,
      'parts/e.ts': `export const e = 'e';`,
    });
    expect(await imageOf()).toBe('json-a-ab-c-d-e-late-true');
  });

  it.each(['stack.config.js', 'stack.config.mjs', 'stack.config.mts'])('may be %s', async (name) => {
    write({ [name]: HEAD + stack("'x'") });
    expect(await imageOf()).toBe('x');
  });

  it.each(['stack.config.cjs', 'stack.config.cts'])('may be CommonJS, as %s', async (name) => {
    write({
      [name]: `const { defineStack } = require('tsstack');\nmodule.exports = defineStack({ services: { web: { image: require('./image') } } });`,
      'image.js': `module.exports = 'x';`,
    });
    expect(await imageOf()).toBe('x');
  });

  it('is found in a directory above, and its real directory is told', async () => {
    write({ 'project/stack.config.ts': HEAD + stack("'x'"), 'project/deep/er/file': '' });
    symlinkSync(join(directory, 'project'), join(directory, 'link'));
    const loaded = await load({ directory: join(directory, 'link/deep/er') });
    expect(loaded).toMatchObject({ directory: join(directory, 'project'), file: join(directory, 'project/stack.config.ts') });
  });

  it('takes its name from its directory if it has none', async () => {
    write({ 'My Shop/stack.config.ts': `${HEAD}export default defineStack({ services: { web: { image: 'x' } } });` });
    expect((await load({ file: 'My Shop' })).spec.name).toBe('myshop');
  });

  it('may be a function of command, mode, env, instance and profiles, with `.env` below the environment', async () => {
    write({
      '.env': 'A=file\nB=file\n',
      'stack.config.ts': `${HEAD}export default defineStack(async (context) => ({
  services: { web: { image: 'x', command: [JSON.stringify(context)], environment: { A: process.env['A'], B: null } } },
}));`,
    });
    const loaded = await load({ env: { A: 'own' }, mode: 'ci', instance: 'i', profiles: ['p'] });
    const web = loaded.spec.services['web'];
    expect(JSON.parse(web?.command?.[0] ?? '')).toEqual({
      command: 'up',
      mode: 'ci',
      env: { A: 'own', B: 'file' },
      instance: 'i',
      profiles: ['p'],
    });
    expect(web?.environment).toEqual({ A: 'own', B: 'file' });
    expect(process.env['B']).toBeUndefined();
  });

  it('may return another definition from its function', async () => {
    write({
      'stack.config.ts': `${HEAD}export default defineStack(({ command }) => defineStack({ services: { web: { image: command } } }));`,
    });
    expect(await imageOf()).toBe('up');
  });

  it('tells which files it was made of', async () => {
    write({
      '.env': '',
      'stack.config.ts': `${HEAD}import { a } from './a.ts';\nimport b from './b.json' with { type: 'json' };\n${stack('a + b')}`,
      'a.ts': `export const a = 'a';`,
      'b.json': '"b"',
    });
    expect((await load()).dependencies).toEqual(['stack.config.ts', 'a.ts', 'b.json', '.env'].map((name) => join(directory, name)));
  });

  it('imports packages of its project, ES modules and CommonJS alike', async () => {
    write({
      'package.json': '{ "type": "module" }',
      'stack.config.ts': `${HEAD}import esm from 'esm';\nimport cjs, { named } from 'cjs';\nimport late from 'late';\nimport only from 'only';\n${stack("[esm, cjs.default, named, late, only].join('-')")}`,
      'node_modules/esm/package.json': '{ "type": "module", "exports": "./i.js" }',
      'node_modules/esm/i.js': `export default 'esm';`,
      'node_modules/cjs/package.json': '{}',
      'node_modules/cjs/index.js': `exports.__esModule = true; exports.default = 'cjs'; exports.named = 'named';`,
      'node_modules/late/package.json': '{ "type": "module", "exports": "./i.js" }',
      'node_modules/late/i.js': `export default await Promise.resolve('late');`,
      'node_modules/only/package.json': '{ "type": "module", "exports": { "import": "./i.js" } }',
      'node_modules/only/i.js': `export default 'only';`,
    });
    expect(await imageOf()).toBe('esm-cjs-named-late-only');
  });

  it('gets along with cycles between modules', async () => {
    write({
      'stack.config.ts': `${HEAD}import { a } from './a.ts';\n${stack('a()')}`,
      'a.ts': `import { b } from './b.ts';\nexport const a = () => b() + 'a';`,
      'b.ts': `import { a } from './a.ts';\nexport const b = () => typeof a;`,
    });
    expect(await imageOf()).toBe('functiona');
  });
});

describe('mistakes in a stack file', () => {
  it('of syntax are told with place and code', async () => {
    write({ 'stack.config.ts': `${HEAD}\nexport default defineStack({ services: { web: { image: 'x' } }\n` });
    expect(await failure()).toBe(
      [
        "cannot read `<dir>/stack.config.ts`: '}' expected",
        '  at <dir>/stack.config.ts:4:1',
        '  2 |',
        "  3 | export default defineStack({ services: { web: { image: 'x' } }",
        '  4 |',
        '    | ^',
      ].join('\n'),
    );
  });

  it('that throw are told with place and code, from the cache, too', async () => {
    write({
      'stack.config.ts': `${HEAD}import { f } from './f.ts';\n${stack('f()')}`,
      'f.ts': `interface Long {\n  a: string;\n}\nexport function f(): Long['a'] {\n  throw new RangeError('boom');\n}\n`,
    });
    const first = await failure();
    expect(first).toContain('cannot load `<dir>/stack.config.ts`: RangeError: boom\n  at <dir>/f.ts:5:9\n');
    expect(first).toContain("  5 |   throw new RangeError('boom');\n    |         ^");
    expect(await failure()).toBe(first);
  });

  it.each<[string, string, string]>([
    ['no default export', `${HEAD}export const x = 1;`, 'cannot load `<dir>/stack.config.ts`: it has no default export'],
    [
      'something that defineStack did not make',
      'export default { services: {} };',
      'cannot load `<dir>/stack.config.ts`: its default export is not made by `defineStack`',
    ],
    ['a module that is not there', `import './nope';`, 'cannot load `<dir>/stack.config.ts`: there is no module `./nope`'],
    ['a package that is not there', `import 'nope-nope';`, 'cannot load `<dir>/stack.config.ts`: there is no module `nope-nope`'],
    [
      'a rejected promise',
      `${HEAD}export default defineStack(async () => { throw 'no'; });`,
      'cannot load `<dir>/stack.config.ts`: it threw no',
    ],
  ])('are told: %s', async (_, source, message) => {
    write({ 'stack.config.ts': source });
    expect(await failure()).toBe(message);
  });

  it('in what it declares are told all at once', async () => {
    write({
      'stack.config.ts': `${HEAD}export default defineStack({ name: 's', services: { web: { imge: 'x', replicas: -1 } } } as never);`,
    });
    expect(await failure()).toMatch(/^3 things are wrong with `<dir>\/stack.config.ts`\n/);
  });

  it('include not being there', async () => {
    expect(await failure({ directory })).toMatch(/^cannot find a stack file/);
    expect(await failure({ file: 'other.ts' })).toBe('cannot load the stack file `other.ts`: there is no such file');
  });

  it('in `.env` are told with the line', async () => {
    write({ '.env': 'A=1\n=2\n', 'stack.config.ts': HEAD + stack("'x'") });
    expect(await failure()).toBe('cannot read `<dir>/.env`: line 2 is not `NAME=value`');
  });
});

describe('an unchanged stack file', () => {
  /** Loads it in a process of its own and tells which packages were loaded. */
  function packagesLoaded(): string[] {
    const script = `
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const { loadStackFile } = require(process.argv[1]);
      await loadStackFile({ directory: ${JSON.stringify(directory)}, command: 'up', env: process.env, cacheDirectory: ${JSON.stringify(join(directory, '.cache'))}, packageRoot: ${JSON.stringify(packageRoot)}, version: 'test' });
      console.log(JSON.stringify(Object.keys(require.cache)));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, join(directory, 'load.cjs')], { encoding: 'utf8' });
    const files: string[] = JSON.parse(output);
    return ['ts-node', 'typescript'].filter((name) => files.some((file) => file.includes(`/node_modules/${name}/`)));
  }

  it('loads no TypeScript, and a changed one does', async () => {
    const { build } = await import('esbuild');
    const entry = join(packageRoot, 'cli/load/stack-file.ts');
    write({ 'stack.config.ts': `${HEAD}import { a } from './a.ts';\n${stack('a')}`, 'a.ts': `export const a = await 'a';` });
    await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: join(directory, 'load.cjs'),
      logLevel: 'silent',
    });
    expect(packagesLoaded()).toEqual(['ts-node', 'typescript']);
    expect(packagesLoaded()).toEqual([]);
    write({ 'a.ts': `export const a = await 'b';` });
    expect(packagesLoaded()).toEqual(['ts-node', 'typescript']);
  });

  it('gives the same spec the second time, and another one when a variable that it takes over has changed', async () => {
    write({ 'stack.config.ts': `${HEAD}export default defineStack({ services: { web: { image: 'x', environment: { TOKEN: null } } } });` });
    const first = await load({ env: { TOKEN: 'a' } });
    const kept = readdirSync(join(directory, '.cache'));
    const second = await load({ env: { TOKEN: 'a', OTHER: 'x' } });
    expect(second.spec).toStrictEqual(first.spec);
    expect(readdirSync(join(directory, '.cache'))).toEqual(kept);
    expect((await load({ env: { TOKEN: 'b' } })).spec.services['web']?.environment).toEqual({ TOKEN: 'b' });
    expect((await load({ env: {} })).spec.services['web']?.environment).toEqual({});
  });

  it('is made anew when what was kept is cut off', async () => {
    write({ 'stack.config.ts': HEAD + stack("'x'") });
    await load();
    for (const name of readdirSync(join(directory, '.cache'))) write({ [`.cache/${name}`]: 'cut' });
    expect(await imageOf()).toBe('x');
  });

  it('is loaded all the same where nothing can be kept, with a notice', async () => {
    write({ 'stack.config.ts': HEAD + stack("'x'"), file: '' });
    const loaded = await load({ cacheDirectory: join(directory, 'file/cache') });
    expect(loaded.spec.name).toBe('s');
    expect(loaded.notices).toEqual([expect.stringContaining('ENOTDIR')]);
  });
});
