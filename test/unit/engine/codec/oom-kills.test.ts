import { expect, test } from 'vitest';
import { isToldBeforeCounted, parseOomKills } from '../../../../engine/codec/oom-kills.ts';

test.each([
  ['v1', 'oom_kill_disable 0\nunder_oom 0\noom_kill 12\n', 12],
  ['v2', 'low 0\nhigh 0\nmax 812\noom 4\noom_kill 3\noom_group_kill 1\n', 3],
  ['a kernel that does not count', 'oom_kill_disable 0\nunder_oom 1\n', 0],
])('reads the count of %s', (_, text, kills) => {
  expect(parseOomKills(text)).toBe(kills);
});

test('knows which of the two tells first and counts then', () => {
  expect(isToldBeforeCounted('/sys/fs/cgroup/memory/tsstack/shop/web-1/memory.oom_control')).toBe(true);
  expect(isToldBeforeCounted('/sys/fs/cgroup/tsstack/shop/web-1/memory.events')).toBe(false);
});
