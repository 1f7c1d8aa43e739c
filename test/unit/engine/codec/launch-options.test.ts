import { expect, test } from 'vitest';
import { encodeLaunchOptions } from '../../../../engine/codec/launch-options.ts';
import type { LaunchSpec } from '../../../../engine/model/launch.ts';

const SMALLEST: LaunchSpec = {
  directory: '/c',
  logFile: '/c.log',
  logMaxBytes: 1000,
  hostname: 'web-1',
  idMap: undefined,
  lowerdirs: ['/image'],
  upperdir: '/c/upper',
  workdir: '/c/work',
  readOnlyRoot: false,
  mounts: [],
  maskedPaths: [],
  readonlyPaths: [],
  sysctls: {},
  cgroupUnified: undefined,
  cgroupLegacy: [],
  oomFile: undefined,
  uid: 0,
  gid: 0,
  additionalGids: [],
  capabilities: [],
  seccompFile: undefined,
  workingDir: '/',
  argv: ['true'],
  environment: {},
  init: false,
  stopSignal: 15,
};

test('the smallest spec gives only what every container has', () => {
  expect(encodeLaunchOptions(SMALLEST).join(' ')).toBe(
    '--directory /c --log /c.log --log-max 1000 --hostname web-1 --lower /image --upper /c/upper --work /c/work' +
      ' --stop-signal 15 --uid 0 --gid 0 --working-dir / --arg true',
  );
});

test.each<[string, Partial<LaunchSpec>, readonly string[]]>([
  ['an id map', { idMap: { base: 100_000, size: 65_536 } }, ['--id-base', '100000', '--id-size', '65536']],
  ['a read-only root', { readOnlyRoot: true }, ['--read-only-root']],
  ["the host's network", { network: { kind: 'host' } }, ['--host-network']],
  ['an init', { init: true }, ['--init']],
  ['layers, topmost first', { lowerdirs: ['/b', '/a'] }, ['--lower', '/b', '--lower', '/a']],
  ['masked paths', { maskedPaths: ['/proc/kcore', '/sys/firmware'] }, ['--mask', '/proc/kcore', '--mask', '/sys/firmware']],
  ['read-only paths', { readonlyPaths: ['/proc/sys'] }, ['--read-only', '/proc/sys']],
  ['sysctls by name', { sysctls: { b: '2', a: '1 2' } }, ['--sysctl', 'a', '1 2', '--sysctl', 'b', '2']],
  [
    'cgroups',
    { cgroupUnified: '/u', cgroupLegacy: ['/m', '/p'], oomFile: '/m/o' },
    ['--oom-file', '/m/o', '--cgroup-unified', '/u', '--cgroup-legacy', '/m', '--cgroup-legacy', '/p'],
  ],
  [
    'groups and capabilities',
    { additionalGids: [4, 5], capabilities: [0, 31] },
    ['--group', '4', '--group', '5', '--capability', '0', '--capability', '31'],
  ],
  ['a seccomp filter', { seccompFile: '/f' }, ['--seccomp', '/f']],
  ['an environment by name', { environment: { B: '', A: 'x=y z' } }, ['--env', 'A=x=y z', '--env', 'B=']],
  ['an argv, empty words too', { argv: ['echo', '', '--arg'] }, ['--arg', 'echo', '--arg', '', '--arg', '--arg']],
  ['a bind', { mounts: [{ type: 'bind', source: '/s', target: '/t', readOnly: false }] }, ['--bind', '/s', '/t']],
  ['a read-only bind', { mounts: [{ type: 'bind', source: '/s', target: '/t', readOnly: true }] }, ['--bind-ro', '/s', '/t']],
  ['a tmpfs', { mounts: [{ type: 'tmpfs', target: '/t', data: 'size=1m', readOnly: false }] }, ['--tmpfs', 'size=1m', '/t']],
  ['a read-only tmpfs', { mounts: [{ type: 'tmpfs', target: '/t', data: '', readOnly: true }] }, ['--tmpfs-ro', '', '/t']],
  ['a content file', { mounts: [{ type: 'content', content: 'a\nb\n', target: '/etc/x' }] }, ['--content', 'a\nb\n', '/etc/x']],
])('%s', (_, change, expected) => {
  const encoded = encodeLaunchOptions({ ...SMALLEST, ...change });
  expect(encoded.join('\0')).toContain(expected.join('\0'));
});

test('another container is joined by the identity of its init', () => {
  const spec: LaunchSpec = { ...SMALLEST, network: { kind: 'join', container: 'web-1' } };
  expect(encodeLaunchOptions(spec, { pid: 17, startTime: 4711 }).join(' ')).toContain(' --network-of 17 4711 ');
});

test('another container is not joined while nobody knows which process that is', () => {
  const spec: LaunchSpec = { ...SMALLEST, network: { kind: 'join', container: 'web-1' } };
  expect(() => encodeLaunchOptions(spec)).toThrow('nobody said who container web-1 is');
});
