import { beforeEach, expect, test } from 'vitest';
import type { OomCount } from '../../../../engine/model/cgroup.ts';
import { OomKills } from '../../../../engine/supervise/oom-kills.ts';
import { type ManualClock, manualClock } from '../../../support/manual-clock.ts';

let clock: ManualClock;
let counts: Record<string, OomCount | undefined>;
let told: string[];
let oom: OomKills;
beforeEach(() => {
  clock = manualClock();
  counts = {};
  told = [];
  oom = new OomKills({ clock, count: (file) => counts[file], onKills: (name, kills) => told.push(`${name} ${kills}`) });
});
const count = (kills: number, over: Partial<OomCount> = {}): OomCount => ({ cgroup: 7n, kills, late: false, ...over });

test('what was counted before a container was known is old', () => {
  counts['web'] = count(4);
  oom.follow('web-1', 'web');
  oom.look('web-1');
  oom.heard('web-1');
  expect(told).toEqual([]);
});

test('each kill is told once', () => {
  counts['web'] = count(4);
  oom.follow('web-1', 'web');
  counts['web'] = count(6);
  oom.heard('web-1');
  oom.heard('web-1');
  counts['web'] = count(7);
  oom.heard('web-1');
  expect(told).toEqual(['web-1 2', 'web-1 1']);
});

test('what was killed while nobody listened is told when somebody does again', () => {
  counts['web'] = count(0);
  oom.follow('web-1', 'web');
  counts['web'] = count(1);
  oom.follow('web-1', 'web');
  oom.look('web-1');
  expect(told).toEqual(['web-1 1']);
});

test('the count of a cgroup that was made anew begins at 0', () => {
  counts['web'] = count(5);
  oom.follow('web-1', 'web');
  counts['web'] = undefined;
  oom.heard('web-1');
  counts['web'] = count(6, { cgroup: 8n });
  oom.heard('web-1');
  expect(told).toEqual(['web-1 6']);
});

test('a kernel that counts after it has told is looked at a few times more, and then no more', async () => {
  counts['web'] = count(0, { late: true });
  oom.follow('web-1', 'web');
  oom.heard('web-1');
  expect(told).toEqual([]);
  counts['web'] = count(1, { late: true });
  await clock.advance(5);
  expect(told).toEqual(['web-1 1']);
  counts['web'] = count(3, { late: true });
  await clock.advance(2000);
  expect(told).toEqual(['web-1 1', 'web-1 2']);
  expect(clock.sleepers).toBe(0);
});

test('a later event begins the looking anew, and only once for each container', async () => {
  counts['web'] = count(0, { late: true });
  oom.follow('web-1', 'web');
  for (let i = 0; i < 3; i++) oom.heard('web-1');
  await clock.advance(0);
  expect(clock.sleepers).toBe(1);
});

test('a kernel that counts first is looked at once', () => {
  counts['web'] = count(0);
  oom.follow('web-1', 'web');
  oom.heard('web-1');
  expect(clock.sleepers).toBe(0);
});

test('nothing is looked at when it is over', async () => {
  counts['web'] = count(0, { late: true });
  oom.follow('web-1', 'web');
  oom.heard('web-1');
  oom[Symbol.dispose]();
  counts['web'] = count(1, { late: true });
  await clock.advance(2000);
  expect(told).toEqual([]);
});

test('a container nobody follows is nothing', () => {
  oom.heard('web-1');
  expect(told).toEqual([]);
});
