/** Which files decide what a stack file comes to: those that watch mode follows. */
import { describe, expect, it, vi } from 'vitest';
import { dependenciesOf } from '../../../../cli/load/dependencies.ts';
import { type LoadOptions, loadHostHooks, loadStackFile } from '../../../../cli/load/stack-file.ts';
import { stackDirectory } from './stack-directory.ts';

/** TypeScript takes a while to load on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const stack = stackDirectory();
const HEAD = `import { defineStack } from 'tsstack';\n`;
const STACK = `export default defineStack({ name: 's', services: { web: { image: 'x' } } });\n`;
const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.json'];

async function ofFailure(options: Partial<LoadOptions> = {}, load: (all: LoadOptions) => Promise<unknown> = loadStackFile) {
  const error: unknown = await load(stack.options(options)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return stack.names(dependenciesOf(error));
}

describe('a stack file that loads depends on', () => {
  it('a `.env` that is not there yet', async () => {
    stack.write({ 'stack.config.ts': HEAD + STACK });
    expect(stack.names((await loadStackFile(stack.options())).dependencies)).toEqual(['stack.config.ts', '.env']);
  });

  it('files that would be taken in the place of those it imports', async () => {
    stack.write({
      'stack.config.ts': `${HEAD}import './parts/a';\nimport './b.js';\nimport './parts';\n${STACK}`,
      'parts/a.mts': '',
      'b.ts': '',
      'parts/index.ts': '',
    });
    const { dependencies } = await loadStackFile(stack.options());
    const found = ['stack.config.ts', 'parts/a.mts', 'b.ts', 'parts/index.ts'];
    const missing = ['parts/a', 'parts/a.ts', 'b.js', ...EXTENSIONS.map((extension) => `parts${extension}`)];
    expect(stack.names(dependencies)).toEqual([...found, '.env', ...missing]);
  });

  it('what it imports while it is evaluated, and both times the same', async () => {
    stack.write({
      'stack.config.ts': `${HEAD}const { image } = await import('./late.ts');\nexport default defineStack({ services: { web: { image } } });`,
      'late.ts': `import data from './data.json' with { type: 'json' };\nexport const image = data;`,
      'data.json': '"x"',
    });
    const first = await loadStackFile(stack.options());
    expect(stack.names(first.dependencies)).toEqual(['stack.config.ts', 'late.ts', 'data.json', '.env']);
    expect((await loadStackFile(stack.options())).dependencies).toEqual(first.dependencies);
  });
});

describe('a stack file that fails depends on what it came to:', () => {
  const importing = { 'stack.config.ts': `${HEAD}import './a.ts';\nimport './b.ts';\n${STACK}` };
  const a = `export const a = 1;`;
  it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ['a syntax error of its own', { 'stack.config.ts': 'export default {' }, ['stack.config.ts', '.env']],
    [
      'a syntax error in what it imports',
      { ...importing, 'a.ts': a, 'b.ts': 'export const b = ;' },
      ['stack.config.ts', 'a.ts', 'b.ts', '.env'],
    ],
    [
      'an exception',
      { ...importing, 'a.ts': `import './c.ts';\n${a}`, 'c.ts': `throw new Error('x')` },
      ['stack.config.ts', 'a.ts', 'c.ts', '.env'],
    ],
    [
      'JSON that is none',
      { 'stack.config.ts': `${HEAD}import './x.json';\n${STACK}`, 'x.json': '{' },
      ['stack.config.ts', 'x.json', '.env'],
    ],
    [
      'a mistake in what it declares',
      {
        ...importing,
        'a.ts': a,
        'b.ts': `export const b = 1;`,
        'stack.config.ts': `${HEAD}import './a.ts';\nexport default defineStack({ services: {} });`,
      },
      ['stack.config.ts', 'a.ts', '.env'],
    ],
    ['a mistake in `.env`', { ...importing, '.env': '=' }, ['stack.config.ts', '.env']],
    [
      'an import that is not there',
      { ...importing, 'a.ts': `import './sub/c';\n${a}` },
      [
        'stack.config.ts',
        'a.ts',
        '.env',
        'sub/c',
        ...EXTENSIONS.map((extension) => `sub/c${extension}`),
        ...EXTENSIONS.map((extension) => `sub/c/index${extension}`),
      ],
    ],
    [
      'a package that is not installed',
      { 'package.json': '{}', 'sub/stack.config.ts': `${HEAD}import '@scope/nope/deep';\n${STACK}` },
      ['sub/stack.config.ts', 'sub/.env', 'node_modules/@scope/nope'],
    ],
  ])('%s', async (_, files, expected) => {
    stack.write(files);
    const options = 'sub/stack.config.ts' in files ? { file: 'sub' } : {};
    expect(await ofFailure(options)).toEqual(expected);
  });

  it('the names that were looked for where there is none', async () => {
    const names = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `stack.config.${extension}`);
    stack.write({ 'sub/file': '' });
    expect(await ofFailure()).toEqual(names);
    expect(await ofFailure({ file: 'other.ts' })).toEqual(['other.ts']);
    expect(await ofFailure({ file: 'sub' })).toEqual(names.map((name) => `sub/${name}`));
  });

  it('for the functions that it declares, too', async () => {
    stack.write({ ...importing, 'a.ts': 'export const a = ;' });
    expect(await ofFailure({}, loadHostHooks)).toEqual(['stack.config.ts', 'a.ts', '.env']);
  });
});

it('nothing is known of the errors of others', () => {
  expect(dependenciesOf(new Error('x'))).toBeUndefined();
  expect(dependenciesOf('x')).toBeUndefined();
});
