import { describe, expect, it } from 'vitest';
import { cgroupDirectories, identityController, parseCgroupLayout } from '../../../../engine/codec/cgroup-layout.ts';

const legacyLines = [
  '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
  '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,xattr,pids',
  '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
];
const legacy = legacyLines.join('\n');
const hybrid = [...legacyLines, '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw'].join('\n');
const unified = '35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';

describe('parseCgroupLayout', () => {
  it('reads a unified host', () => {
    expect(parseCgroupLayout(unified, 'cpuset cpu io memory pids\n')).toEqual({
      mode: 'unified',
      unified: '/sys/fs/cgroup',
      controllers: {},
      unifiedControllers: ['cpuset', 'cpu', 'io', 'memory', 'pids'],
    });
  });

  it('reads a hybrid host, with controllers mounted together', () => {
    expect(parseCgroupLayout(hybrid, '\n')).toEqual({
      mode: 'hybrid',
      unified: '/sys/fs/cgroup/unified',
      controllers: {
        cpu: '/sys/fs/cgroup/cpu,cpuacct',
        cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
        memory: '/sys/fs/cgroup/memory',
        pids: '/sys/fs/cgroup/pids',
      },
      unifiedControllers: [],
    });
  });

  it('reads a legacy host, and one without swap accounting', () => {
    const layout = parseCgroupLayout(legacy, undefined, { swapAccounting: false });
    expect([layout.mode, layout.unified, layout.swapAccounting]).toEqual(['legacy', undefined, false]);
  });

  it('prefers the customary v2 mount to another one', () => {
    expect(parseCgroupLayout(`90 1 0:38 / /mnt/cg rw - cgroup2 none rw\n${unified}`, '').unified).toBe('/sys/fs/cgroup');
  });
});

describe('cgroupDirectories', () => {
  const path = 'tsstack/shop-1/web-1';

  it('makes v1 directories only for limits, beside the v2 one', () => {
    const layout = parseCgroupLayout(hybrid, '');
    expect(cgroupDirectories(path, {}, layout)).toEqual({ unified: `/sys/fs/cgroup/unified/${path}`, legacy: [], oomFile: undefined });
    expect(cgroupDirectories(path, { memory: 4096 }, layout)).toEqual({
      unified: `/sys/fs/cgroup/unified/${path}`,
      legacy: [`/sys/fs/cgroup/memory/${path}`],
      oomFile: `/sys/fs/cgroup/memory/${path}/memory.oom_control`,
    });
  });

  it('counts OOM kills in memory.events on a unified host', () => {
    expect(cgroupDirectories(path, { cpus: 1 }, parseCgroupLayout(unified, 'cpu memory pids'))).toEqual({
      unified: `/sys/fs/cgroup/${path}`,
      legacy: [],
      oomFile: `/sys/fs/cgroup/${path}/memory.events`,
    });
  });

  it('lets one v1 hierarchy stand for the container where there is no v2', () => {
    const layout = parseCgroupLayout(legacy, undefined);
    expect(identityController(layout)).toBe('pids');
    expect(cgroupDirectories(path, {}, layout).legacy).toEqual([`/sys/fs/cgroup/pids/${path}`]);
  });
});
