/** Functions of a stack file: loaded for the supervisor, and no hindrance to keeping what the file came to. */
import { readdirSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { loadHostHooks, loadStackFile } from '../../../../cli/load/stack-file.ts';
import type { HookEvent } from '../../../../dsl/index.ts';
import { stackDirectory } from './stack-directory.ts';

vi.setConfig({ testTimeout: 120_000 });

const stack = stackDirectory();
const HEAD = `import { defineStack } from 'tsstack';\n`;

function event(log: (text: string) => void): HookEvent {
  const signal = new AbortController().signal;
  return { service: 'web', container: 'web-1', addresses: { back: '10.0.0.2' }, ports: [], at: 1, signal, exit: undefined, log };
}

it('functions are loaded by service and name, with what they import and close over', async () => {
  stack.write({
    'stack.config.ts': `${HEAD}import { greet } from './greet';
export default defineStack(async ({ mode, env }) => ({
  services: {
    web: { image: 'x', onHealthy: async ({ container, addresses, log }) => { log(greet(container, mode, env['WHO'], addresses['back'])); }, hookTimeout: '1s' },
    db: { image: 'x' },
    job: { kind: 'job' as const, image: 'x', onExited: async () => (await import('./late.ts')).late },
  },
  networks: { back: {} },
}));`,
    'greet.ts': `export const greet = (...words: unknown[]) => words.join(' ');`,
    'late.ts': `export const late = 'late';`,
    '.env': 'WHO=ann',
  });
  const hooks = await loadHostHooks(stack.options({ mode: 'dev' }));
  expect(Object.entries(hooks).map(([service, functions]) => [service, Object.keys(functions)])).toEqual([
    ['web', ['onHealthy']],
    ['job', ['onExited']],
  ]);
  const lines: string[] = [];
  await hooks['web']?.onHealthy?.(event((text) => lines.push(text)));
  expect(lines).toEqual(['web-1 dev ann 10.0.0.2']);
  expect(await hooks['job']?.onExited?.(event(() => undefined))).toBe('late');
});

it('what a stack file with functions and regular expressions came to is kept, and another function keeps it', async () => {
  const source = (text: string, pattern: string) =>
    `${HEAD}export default defineStack({ services: { web: { image: 'x', healthcheck: { log: ${pattern} }, onStarted: () => '${text}' } } });`;
  const specs = () => readdirSync(stack.path('.cache')).filter((name) => name.endsWith('.spec.json'));
  stack.write({ 'stack.config.ts': source('a', '/ready/') });
  const first = await loadStackFile(stack.options());
  expect(first.spec.services['web']?.hooks.host).toEqual(['onStarted']);
  expect(specs()).toHaveLength(1);
  stack.write({ 'stack.config.ts': source('b', '/ready/') });
  expect((await loadStackFile(stack.options())).spec).toStrictEqual(first.spec);
  expect(specs()).toHaveLength(1);
  expect(await (await loadHostHooks(stack.options()))['web']?.onStarted?.(event(() => undefined))).toBe('b');
  stack.write({ 'stack.config.ts': source('b', '/ready/i') });
  expect((await loadStackFile(stack.options())).spec.services['web']?.healthcheck?.probe).toEqual({
    kind: 'log',
    pattern: 'ready',
    flags: 'i',
  });
});

it('a stack without functions has none', async () => {
  stack.write({ 'stack.config.ts': `${HEAD}export default defineStack({ services: { web: { image: 'x' } } });` });
  expect(await loadHostHooks(stack.options())).toEqual({});
});
