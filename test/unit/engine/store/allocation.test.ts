import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stackIdentity } from '../../../../engine/plan/names.ts';
import { NO_ALLOCATION, readAllocations, stacksOfDirectory, writeAllocation } from '../../../../engine/store/allocation.ts';
import { stackPaths } from '../../../../engine/store/paths.ts';

let paths: { stateDirectory: string; runDirectory: string };

beforeEach(() => {
  const base = mkdtempSync(join(tmpdir(), 'tsstack-allocation-'));
  paths = { stateDirectory: base, runDirectory: base };
});
afterEach(() => rmSync(paths.stateDirectory, { recursive: true }));

function keep(name: string, directory: string, { instance = undefined as string | undefined, ports = {} } = {}) {
  const stack = stackIdentity(name, directory, instance);
  const { directory: folder, allocation } = stackPaths(paths, stack);
  mkdirSync(folder, { recursive: true });
  writeAllocation(allocation, stack, { ...NO_ALLOCATION, subnets: { net: '10.130.1.0/24' }, uidBases: { 'a-1': 1 }, ports });
  return stack;
}

describe('what stacks hold', () => {
  it('is told apart: own and of others, with who has a port', () => {
    const mine = keep('shop', '/srv/a', { ports: { 'tcp 127.0.0.1:80': 'web' } });
    keep('shop', '/srv/b', { ports: { 'tcp 127.0.0.1:81': 'web' } });
    const { own, others } = readAllocations(paths, mine);
    expect(own.ports).toEqual({ 'tcp 127.0.0.1:80': 'web' });
    expect(others.ports).toEqual({ 'tcp 127.0.0.1:81': 'service `web` of stack `shop` in /srv/b' });
    expect(Object.values(others.subnets)).toEqual(['10.130.1.0/24']);
  });

  it('is nothing for a stack whose file was never finished', () => {
    const mine = keep('shop', '/srv/a');
    writeFileSync(stackPaths(paths, mine).allocation, '{"version":1,"stack":');
    expect(readAllocations(paths, mine)).toEqual({ own: NO_ALLOCATION, others: NO_ALLOCATION });
  });

  it('is nothing where there has never been a stack', () => {
    rmSync(paths.stateDirectory, { recursive: true });
    expect(readAllocations(paths, stackIdentity('shop', '/srv/a', undefined)).own).toEqual(NO_ALLOCATION);
    mkdirSync(paths.stateDirectory);
  });

  it('finds the stacks of a directory without their stack file', () => {
    const one = keep('shop', '/srv/a');
    const two = keep('shop', '/srv/a', { instance: 'ci' });
    keep('shop', '/srv/b');
    expect(stacksOfDirectory(paths, '/srv/a').map(({ id }) => id)).toEqual([one.id, two.id].sort());
    expect(stacksOfDirectory(paths, '/srv/c')).toEqual([]);
  });
});
