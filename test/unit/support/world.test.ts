import { expect, test } from 'vitest';
import { diffWorld, type World } from '../../support/world.ts';

const world = (kinds: Readonly<Record<string, Readonly<Record<string, string>>>>): World =>
  Object.fromEntries(Object.entries(kinds).map(([kind, things]) => [kind, new Map(Object.entries(things))]));

test('the same world twice has no differences', () => {
  expect(diffWorld(world({ link: { lo: '' } }), world({ link: { lo: '' } }))).toEqual([]);
});

test('each difference is one readable line', () => {
  const before = world({ link: { lo: '', eth0: 'veth' }, mount: { '/a': 'tmpfs' } });
  const after = world({ link: { lo: '', br0: 'bridge' }, mount: { '/a': 'overlay' } });
  expect(diffWorld(before, after)).toEqual(['link appeared: br0 (bridge)', 'link gone: eth0', 'mount changed: /a (tmpfs → overlay)']);
});

test('a process that ended is no leak, a new one is', () => {
  const before = world({ process: { '7 @1': 'node' } });
  expect(diffWorld(before, world({ process: { '8 @2': 'sleep' } }))).toEqual(['process appeared: 8 @2 (sleep)']);
});
