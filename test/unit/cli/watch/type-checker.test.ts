import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openTypeChecker } from '../../../../cli/watch/type-checker.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsstack-types-'));
afterAll(() => rmSync(directory, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const stack = (limits: string) => `import { defineStack, hostRootfs } from 'tsstack';
import type { Memory } from './types.ts';
const memory: Memory = '64MiB';
${limits}
export default defineStack({ services: { web: { image: hostRootfs(), limits: { memory } } } });
`;

test('each check sees what is on the disk then', { timeout: 60_000 }, async () => {
  const file = join(directory, 'stack.config.ts');
  write('stack.config.ts', stack(''));
  write('types.ts', "export type Memory = '64MiB';\n");
  const { check } = await openTypeChecker(file, resolve(import.meta.dirname, '../../../..'));
  expect(check()).toEqual({ errors: [], files: expect.arrayContaining([file, join(directory, 'types.ts')]) });

  write('types.ts', "export type Memory = '32MiB';\n");
  expect(check().errors).toEqual([expect.stringMatching(/^stack\.config\.ts:3:7: error TS2322: .*'"64MiB"' is not assignable/)]);

  write('types.ts', "export type Memory = '32MiB' | '64MiB';\n");
  expect(check().errors).toEqual([]);

  write('stack.config.ts', stack("export { limit } from './new.ts';"));
  expect(check().errors).toEqual([expect.stringMatching(/:4:23: error TS2307: Cannot find module '\.\/new\.ts'/)]);
  write('new.ts', 'export const limit = 1;\n');
  expect(check().errors).toEqual([]);
  rmSync(join(directory, 'new.ts'));
  expect(check().errors).toEqual([expect.stringContaining('TS2307')]);

  write('stack.config.ts', stack('const unused = 1;'));
  expect(check().errors).toEqual([]);
  write('tsconfig.json', '{ "compilerOptions": { "strict": true, "noUnusedLocals": true } }');
  expect(check()).toEqual({
    errors: [expect.stringContaining('TS6133')],
    files: expect.arrayContaining([join(directory, 'tsconfig.json')]),
  });
});
