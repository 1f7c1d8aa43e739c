import { expect, test } from 'vitest';
import type { CgroupLayout } from '../../../../engine/model/cgroup.ts';
import type { Desired, DesiredResource } from '../../../../engine/model/resources.ts';
import { watchedPaths } from '../../../../engine/wiring/watched-paths.ts';

const PATH = 'tsstack/shop-3f9a1c2e/web-1';
const hybrid: CgroupLayout = {
  mode: 'hybrid',
  unified: '/sys/fs/cgroup/unified',
  controllers: { memory: '/sys/fs/cgroup/memory', pids: '/sys/fs/cgroup/pids' },
  unifiedControllers: [],
};
const unified: CgroupLayout = { mode: 'unified', unified: '/sys/fs/cgroup', controllers: {}, unifiedControllers: ['memory', 'pids'] };
const legacy: CgroupLayout = { ...hybrid, mode: 'legacy', unified: undefined };

const cgroup = (limits: { memory?: number }, controller: string, file: string): DesiredResource => ({
  kind: 'cgroup',
  id: 'cgroup:shop/web-1',
  spec: { path: PATH, limits, writes: limits.memory === undefined ? [] : [{ controller, file, value: String(limits.memory) }] },
  needs: [],
  within: undefined,
});
const paths = (layout: CgroupLayout, ...resources: DesiredResource[]): string[] =>
  [...watchedPaths({ resources } as unknown as Desired, layout)].sort();

test('a cgroup is watched in every hierarchy it is in, with each file that holds a limit', () => {
  expect(paths(hybrid, cgroup({ memory: 1 }, 'memory', 'memory.limit_in_bytes'))).toEqual([
    `/sys/fs/cgroup/memory/${PATH}`,
    `/sys/fs/cgroup/memory/${PATH}/memory.limit_in_bytes`,
    `/sys/fs/cgroup/unified/${PATH}`,
  ]);
  expect(paths(unified, cgroup({ memory: 1 }, 'unified', 'memory.max'))).toEqual([
    `/sys/fs/cgroup/${PATH}`,
    `/sys/fs/cgroup/${PATH}/memory.max`,
  ]);
});

test('one without limits is watched where it is', () => {
  expect(paths(hybrid, cgroup({}, '', ''))).toEqual([`/sys/fs/cgroup/unified/${PATH}`]);
  expect(paths(legacy, cgroup({}, '', ''))).toEqual([`/sys/fs/cgroup/pids/${PATH}`]);
});

test('volumes and sysctls are watched', () => {
  const volume: DesiredResource = {
    kind: 'volume',
    id: 'volume:shop/data',
    spec: { name: 'data', path: '/var/lib/tsstack/stacks/shop/volumes/data' },
    needs: [],
    within: undefined,
  } as unknown as DesiredResource;
  const sysctl: DesiredResource = {
    kind: 'sysctl',
    id: 'sysctl:net/ipv4/ip_forward',
    spec: { path: 'net/ipv4/ip_forward', value: '1' },
    needs: [],
    within: undefined,
  } as unknown as DesiredResource;
  expect(paths(unified, volume, sysctl)).toEqual(['/proc/sys/net/ipv4/ip_forward', '/var/lib/tsstack/stacks/shop/volumes/data']);
});
