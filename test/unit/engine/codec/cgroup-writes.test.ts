import { describe, expect, it } from 'vitest';
import { cpuWeight } from '../../../../engine/codec/cgroup-v2.ts';
import { cgroupDrift, cgroupWrites, unsupportedLimits } from '../../../../engine/codec/cgroup-writes.ts';
import type { CgroupLayout, CgroupLimits, CgroupWrite } from '../../../../engine/model/cgroup.ts';

const v1: CgroupLayout = {
  mode: 'legacy',
  unified: undefined,
  controllers: { cpu: '/c/cpu', cpuset: '/c/cpuset', memory: '/c/memory', pids: '/c/pids' },
  unifiedControllers: [],
};
const v2: CgroupLayout = {
  mode: 'unified',
  unified: '/sys/fs/cgroup',
  controllers: {},
  unifiedControllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
};
const all: CgroupLimits = {
  cpus: 1.5,
  cpuShares: 512,
  cpuset: '0-1',
  memory: 512 * 1024 ** 2,
  memoryReservation: 256 * 1024 ** 2,
  swap: 1024 ** 2,
  pids: 200,
};
const lines = (writes: readonly CgroupWrite[]): string[] => writes.map((write) => `${write.controller}/${write.file}=${write.value}`);
const values = (writes: readonly CgroupWrite[]): Record<string, string> =>
  Object.fromEntries(writes.map((write) => [`${write.controller}/${write.file}`, write.value]));

describe('cgroupWrites', () => {
  it('writes every limit to its v2 file', () => {
    expect(lines(cgroupWrites(all, v2))).toEqual([
      'unified/cpu.max=150000 100000',
      'unified/cpu.weight=59',
      'unified/cpuset.cpus=0-1',
      'unified/memory.max=536870912',
      'unified/memory.low=268435456',
      'unified/memory.swap.max=1048576',
      'unified/pids.max=200',
    ]);
  });

  it('writes every limit to its v1 file, memory before memsw', () => {
    expect(lines(cgroupWrites(all, v1))).toEqual([
      'cpu/cpu.cfs_period_us=100000',
      'cpu/cpu.cfs_quota_us=150000',
      'cpu/cpu.shares=512',
      'cpuset/cpuset.cpus=0-1',
      'memory/memory.limit_in_bytes=536870912',
      'memory/memory.soft_limit_in_bytes=268435456',
      'memory/memory.memsw.limit_in_bytes=537919488',
      'pids/pids.max=200',
    ]);
  });

  it('writes nothing where nothing is limited', () => {
    expect(cgroupWrites({}, v1)).toEqual([]);
    expect(cgroupWrites({}, v2)).toEqual([]);
  });

  it('forbids swap with 0 rather than taking it for no limit', () => {
    expect(lines(cgroupWrites({ memory: 4096, swap: 0 }, v2))).toContain('unified/memory.swap.max=0');
    expect(lines(cgroupWrites({ memory: 4096, swap: 0 }, v1))).toContain('memory/memory.memsw.limit_in_bytes=4096');
  });

  it('goes to v1 where a hybrid host has the controller there, and to v2 for the rest', () => {
    const hybrid: CgroupLayout = {
      ...v1,
      mode: 'hybrid',
      unified: '/u',
      controllers: { memory: '/c/memory' },
      unifiedControllers: ['pids'],
    };
    expect(lines(cgroupWrites({ memory: 8192, pids: 9, cpus: 1 }, hybrid))).toEqual([
      'memory/memory.limit_in_bytes=8192',
      'unified/pids.max=9',
    ]);
    expect(unsupportedLimits({ memory: 8192, pids: 9, cpus: 1 }, hybrid)).toEqual(['cpus']);
  });
});

describe('unsupportedLimits', () => {
  it('names nothing where all can be enforced', () => {
    expect(unsupportedLimits(all, v1)).toEqual([]);
    expect(unsupportedLimits(all, v2)).toEqual([]);
  });

  it('names swap without swap accounting, and does not write it', () => {
    for (const layout of [v1, v2]) {
      const without = { ...layout, swapAccounting: false };
      expect(unsupportedLimits(all, without)).toEqual(['swap']);
      expect(lines(cgroupWrites(all, without)).join()).not.toMatch(/swap|memsw/);
    }
  });

  it('names swap on v1 when memory is not limited too', () => {
    expect(unsupportedLimits({ swap: 4096 }, v1)).toEqual(['swap']);
  });
});

describe('cpuWeight', () => {
  it.each([
    [2, 1],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262_144, 10_000],
  ])('turns %i shares into a weight of %i', (shares, weight) => {
    expect(cpuWeight(shares)).toBe(weight);
  });
});

describe('cgroupDrift', () => {
  it('finds none in what was just written', () => {
    for (const layout of [v1, v2]) expect(cgroupDrift(cgroupWrites(all, layout), values(cgroupWrites(all, layout)))).toEqual([]);
  });

  it('knows how the kernel prints what it was told', () => {
    const odd = cgroupWrites({ memory: 10_000_001, cpuset: '1,0', cpus: 0.5 }, v2);
    const held = { 'unified/memory.max': '9998336', 'unified/cpuset.cpus': '0-1', 'unified/cpu.max': '50000 100000' };
    expect(cgroupDrift(odd, { ...held, 'unified/pids.max': 'max', 'unified/memory.low': '0', 'unified/cpu.weight': '100' })).toEqual([]);
  });

  it('takes the largest number of v1 for no limit', () => {
    const held = { 'memory/memory.limit_in_bytes': '9223372036854771712', 'memory/memory.memsw.limit_in_bytes': '9223372036854710272' };
    expect(cgroupDrift([], held)).toEqual([]);
  });

  it('names what a file held before', () => {
    const changes = cgroupDrift(cgroupWrites({ pids: 20 }, v2), { 'unified/pids.max': '10' });
    expect(changes).toEqual([{ controller: 'unified', file: 'pids.max', value: '20', before: '10' }]);
  });

  it('writes what is missing altogether', () => {
    expect(cgroupDrift(cgroupWrites({ pids: 20 }, v1), {})).toEqual([
      { controller: 'pids', file: 'pids.max', value: '20', before: undefined },
    ]);
  });

  it('takes away every limit that is no longer wanted', () => {
    expect(lines(cgroupDrift([], values(cgroupWrites(all, v2))))).toEqual([
      'unified/cpu.max=max 100000',
      'unified/cpu.weight=100',
      'unified/cpuset.cpus=',
      'unified/memory.low=0',
      'unified/memory.max=max',
      'unified/memory.swap.max=max',
      'unified/pids.max=max',
    ]);
    expect(lines(cgroupDrift([], { ...values(cgroupWrites(all, v1)), 'cpuset/cpuset.cpus': '1', 'cpuset/../cpuset.cpus': '0-3' }))).toEqual(
      [
        'cpu/cpu.cfs_quota_us=-1',
        'cpu/cpu.shares=1024',
        'cpuset/cpuset.cpus=0-3',
        'memory/memory.memsw.limit_in_bytes=-1',
        'memory/memory.limit_in_bytes=-1',
        'memory/memory.soft_limit_in_bytes=-1',
        'pids/pids.max=max',
      ],
    );
  });

  it('takes the CPUs of the parent for no limit', () => {
    expect(cgroupDrift([], { 'cpuset/cpuset.cpus': '0-3', 'cpuset/../cpuset.cpus': '0-3' })).toEqual([]);
    expect(cgroupDrift([], { 'unified/cpuset.cpus': '0-3', 'unified/../cpuset.cpus.effective': '0-3' })).toEqual([]);
    expect(cgroupDrift([], { 'unified/cpuset.cpus': '', 'unified/../cpuset.cpus.effective': '0-3' })).toEqual([]);
    expect(lines(cgroupDrift([], { 'unified/cpuset.cpus': '1', 'unified/../cpuset.cpus.effective': '0-3' }))).toEqual([
      'unified/cpuset.cpus=0-3',
    ]);
  });

  it.each([
    ['raised', 2, 1, ['memory.memsw.limit_in_bytes', 'memory.limit_in_bytes']],
    ['lowered', 1, 2, ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes']],
  ] as const)('keeps memory within memsw when both are %s', (_, after, before, order) => {
    const held = values(cgroupWrites({ memory: before * 4096, swap: 0 }, v1));
    expect(cgroupDrift(cgroupWrites({ memory: after * 4096, swap: 0 }, v1), held).map((write) => write.file)).toEqual(order);
  });
});
