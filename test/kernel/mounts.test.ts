import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { missingMounts } from '../../engine/codec/missing-mounts.ts';
import { observeMounts, targetResolver } from '../../engine/kernel/mounts.ts';
import type { ProcessIdentity } from '../../engine/model/container.ts';
import type { LaunchMount, LaunchSpec } from '../../engine/model/launch.ts';
import { type Fixture, openFixture } from './launcher-fixture.ts';

let fixture: Fixture;
let spec: LaunchSpec;
let init: ProcessIdentity;

beforeEach(() => {
  fixture = openFixture();
});
afterEach(async () => {
  await fixture.launcher.signal(init, 9);
  await fixture.ended('c');
  await fixture.close();
});

async function start(mounts: readonly LaunchMount[], change: Partial<LaunchSpec> = {}): Promise<void> {
  spec = fixture.spec('c', 'sleep 1000', { mounts, ...change });
  ({ init } = await fixture.launcher.create('c', spec));
  await fixture.launcher.start('c');
}

function volume(name: string): string {
  const directory = join(fixture.directory, name);
  mkdirSync(directory);
  return directory;
}

const inside = (command: string): string =>
  execFileSync('nsenter', ['-t', `${init.pid}`, '-m', '/bin/busybox', ...command.split(' ')], { encoding: 'utf8' });
const missing = (): string[] => missingMounts(spec, observeMounts(init.pid) ?? [], targetResolver(init.pid));

describe.each([true, false])('mounts of a container, with a user namespace: %s', (mapped) => {
  const change = mapped ? {} : { idMap: undefined };

  test('are all there after its start, and what was unmounted is missing', async () => {
    const source = volume('volume with space');
    await start(
      [
        { type: 'bind', source, target: '/data', readOnly: false },
        { type: 'tmpfs', target: '/scratch/', data: '', readOnly: false },
        { type: 'content', content: 'x', target: '/etc/hostname' },
      ],
      change,
    );
    expect(missing()).toEqual([]);
    expect(observeMounts(init.pid)?.find(({ target }) => target === '/')).toMatchObject({ fsType: 'overlay' });
    expect(observeMounts(init.pid)?.find(({ target }) => target === '/data')?.root).toMatch(/volume with space$/);
    inside('umount /data');
    expect(missing()).toEqual(['/data']);
    inside('umount /etc/hostname');
    inside('umount /scratch');
    expect(missing()).toEqual(['/data', '/scratch', '/etc/hostname']);
  });
});

test('all mounts are missing when the root was unmounted, which only works without a user namespace', async () => {
  await start([{ type: 'bind', source: volume('volume'), target: '/data', readOnly: false }], { idMap: undefined });
  inside('umount -l /');
  expect(observeMounts(init.pid)).toEqual([]);
  expect(missing()).toEqual(['/', '/data']);
});

test('a mount is found where the symlinks of the image lead', async () => {
  const rootfs = join(fixture.directory, 'rootfs');
  mkdirSync(join(rootfs, 'run/deep'), { recursive: true });
  symlinkSync('/run', join(rootfs, 'var/run'));
  symlinkSync('../../../run/deep', join(rootfs, 'etc/relative'));
  symlinkSync('loop', join(rootfs, 'loop'));
  await start([
    { type: 'bind', source: volume('a'), target: '/var/run/a', readOnly: false },
    { type: 'bind', source: volume('b'), target: '/etc/relative/b', readOnly: false },
  ]);
  expect(missing()).toEqual([]);
  expect(targetResolver(init.pid)('/loop/x')).toBe('/loop/x');
  inside('umount /run/deep/b');
  expect(missing()).toEqual(['/etc/relative/b']);
});

test('a process that is gone has none', async () => {
  await start([]);
  await fixture.launcher.signal(init, 9);
  await fixture.ended('c');
  expect(observeMounts(init.pid)).toBeUndefined();
});

test('a volume that was deleted is told by its root', async () => {
  const source = volume('volume');
  await start([{ type: 'bind', source, target: '/data', readOnly: false }]);
  execFileSync('rmdir', [source]);
  expect(observeMounts(init.pid)?.find(({ target }) => target === '/data')?.root).toMatch(/volume\/\/deleted$/);
});
