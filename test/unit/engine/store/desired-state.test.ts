import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDesiredState } from '../../../../engine/store/desired-state.ts';
import { stackPaths } from '../../../../engine/store/paths.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tsstack-desired-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const fail = () => {
  throw new Error('of another version');
};

test('what nobody has written is of no other version', () => {
  const paths = stackPaths({ stateDirectory: join(base, 'gone'), runDirectory: base }, { id: 'shop-1' });
  expect(readDesiredState(paths, fail)).toBeUndefined();
});

test.each(['{"version":2}', 'no JSON', 'null'])('%s is not taken for what is wanted', (text) => {
  const paths = { ...stackPaths({ stateDirectory: base, runDirectory: base }, { id: 'shop-1' }), desired: join(base, 'desired.json') };
  writeFileSync(paths.desired, text);
  expect(readDesiredState(paths)).toBeUndefined();
  expect(() => readDesiredState(paths, fail)).toThrow('of another version');
});
