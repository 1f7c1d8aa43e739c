import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { renderTypeErrors, typeCheck } from '../../../../cli/load/type-check.ts';

vi.setConfig({ testTimeout: 120_000 });

const packageRoot = fileURLToPath(new URL('../../../../', import.meta.url));
let directory = '';
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-check-')));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function check(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const result = typeCheck(join(directory, 'stack.config.ts'), packageRoot);
  return { text: renderTypeErrors(result.errors, directory), files: result.files };
}
const STACK = `import { defineStack } from 'tsstack';
import { image } from './image';
import data from './data.json' with { type: 'json' };
export default defineStack({ services: { web: { image, command: data.command } } });
`;
const REST = { 'image.ts': `export const image: string = 'x';`, 'data.json': '{ "command": ["a"] }' };

it('a file that is right, and what it imports, passes without a tsconfig', () => {
  const { text, files } = check({ 'stack.config.ts': STACK, ...REST });
  expect(text).toBe('');
  expect([...files].sort()).toEqual(['data.json', 'image.ts', 'stack.config.ts'].map((name) => join(directory, name)));
});

it('an error in an imported file is told where it is', () => {
  const { text } = check({ 'stack.config.ts': STACK, ...REST, 'image.ts': `\nexport const image: string = 5;` });
  expect(text).toBe(`image.ts:2:14: error TS2322: Type 'number' is not assignable to type 'string'.`);
});

it('Node is known even to a project without its types', () => {
  const { text } = check({ 'stack.config.ts': `${STACK}export const home: string | undefined = process.env['HOME'];\n`, ...REST });
  expect(text).toBe('');
});

it("the project's tsconfig is taken, but for what it says of builds and modules", () => {
  const build = { outDir: 'dist', rootDir: 'src', composite: true, module: 'commonjs', moduleResolution: 'node10' };
  const tsconfig = JSON.stringify({ compilerOptions: { ...build, strict: true, noUnusedLocals: true }, include: ['src'] });
  const { text } = check({ 'tsconfig.json': tsconfig, 'stack.config.ts': `${STACK}const unused = 1;\n`, ...REST });
  expect(text).toBe(`stack.config.ts:5:7: error TS6133: 'unused' is declared but its value is never read.`);
});

it('a mistake in the tsconfig is told', () => {
  const { text } = check({ 'tsconfig.json': '{ "compilerOptions": { "strictt": true } }', 'stack.config.ts': STACK, ...REST });
  expect(text).toContain("Unknown compiler option 'strictt'");
});
