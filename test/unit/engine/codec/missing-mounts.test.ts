import { describe, expect, test } from 'vitest';
import { missingMounts } from '../../../../engine/codec/missing-mounts.ts';
import type { LaunchMount } from '../../../../engine/model/launch.ts';

const bind = (target: string): LaunchMount => ({ type: 'bind', source: '/x', target, readOnly: false });
const at = (...targets: string[]) => targets.map((target) => ({ target }));

describe('missingMounts', () => {
  const launch = { mounts: [bind('/data'), { type: 'tmpfs', target: '/tmp', data: '', readOnly: false }, bind('/etc/hosts')] as const };

  test('is empty when all is there, whatever else is', () => {
    expect(missingMounts(launch, at('/', '/proc', '/data', '/tmp', '/etc/hosts', '/data/more'))).toEqual([]);
  });

  test('names what was unmounted, in order', () => {
    expect(missingMounts(launch, at('/', '/tmp'))).toEqual(['/data', '/etc/hosts']);
  });

  test('names the root and all in it when the root is gone', () => {
    expect(missingMounts(launch, [])).toEqual(['/', '/data', '/tmp', '/etc/hosts']);
  });

  test.each(['/data/', '//data', '/x/../data', '/./data'])('knows `%s` for /data', (target) => {
    expect(missingMounts({ mounts: [bind(target)] }, at('/', '/data'))).toEqual([]);
    expect(missingMounts({ mounts: [bind(target)] }, at('/'))).toEqual(['/data']);
  });

  test('looks where a symlink leads, and names it as declared if nothing is there either', () => {
    const resolve = (target: string): string => target.replace('/var/run', '/run');
    const linked = { mounts: [bind('/var/run/a'), bind('/var/run/b')] };
    expect(missingMounts(linked, at('/', '/run/a'), resolve)).toEqual(['/var/run/b']);
  });
});
