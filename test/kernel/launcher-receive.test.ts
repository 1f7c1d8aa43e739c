import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerRecord } from '../../engine/model/container.ts';
import type { LaunchSpec } from '../../engine/model/launch.ts';
import type { SyncChange } from '../../engine/model/sync.ts';
import { syncInto } from '../../engine/wiring/sync.ts';
import { BINARY, CAPABILITIES, type Fixture, ID_BASE, openFixture, until } from './launcher-fixture.ts';

let fixture: Fixture;
/** A directory of the host that containers know the path of. */
let host: string;
beforeAll(() => {
  fixture = openFixture();
  host = join(fixture.directory, 'host');
  mkdirSync(host);
});
afterAll(() => fixture.close());

interface Container {
  /** Where the host sees what the container has written. */
  readonly upper: string;
  sync(changes: Iterable<SyncChange> | AsyncIterable<SyncChange>): Promise<void>;
}

/** `script`: what the container does before. It goes on until `body` has ended. */
async function inContainer(
  name: string,
  { script = 'true', ...change }: Partial<LaunchSpec> & { readonly script?: string },
  body: (container: Container) => Promise<void>,
): Promise<void> {
  const launch = fixture.spec(name, `${script} && echo ready; exec sleep 1000`, change);
  const { init } = await fixture.launcher.create(name, launch);
  await fixture.launcher.start(name);
  await until(
    () => fixture.output(name).includes('ready'),
    () => `it isn't ready: ${fixture.output(name, 'stderr')}`,
  );
  // Of a record, only these are looked at.
  const record = { name, launch } as ContainerRecord;
  const status = fixture.status(name);
  try {
    await body({
      upper: launch.upperdir,
      sync: (changes) => syncInto({ launcherBinary: BINARY }, { record, status, changes, signal: AbortSignal.timeout(10_000) }),
    });
  } finally {
    await fixture.launcher.signal(init, 9);
    await fixture.ended(name);
  }
}

function source(name: string, content: string | Buffer = name): string {
  writeFileSync(join(host, name), content);
  return join(host, name);
}

const file = (target: string, from: string, mode = 0o644): SyncChange => ({ kind: 'file', target, source: from, mode });
const owner = (path: string): readonly number[] => [lstatSync(path).uid - ID_BASE, lstatSync(path).gid - ID_BASE];

describe('receive', () => {
  test('puts files, directories and links in, with their modes and the directories above them', async () => {
    await inContainer('places', {}, async ({ upper, sync }) => {
      await sync([
        file('/app/src/a.js', source('a.js', 'one'), 0o755),
        { kind: 'directory', target: '/app/empty', mode: 0o700 },
        { kind: 'symlink', target: '/app/current', to: 'src/a.js' },
        file('/top', source('top', '')),
      ]);
      expect(readFileSync(join(upper, 'app/src/a.js'), 'utf8')).toBe('one');
      expect(lstatSync(join(upper, 'app/src/a.js')).mode & 0o7777).toBe(0o755);
      expect(lstatSync(join(upper, 'app/empty')).mode & 0o7777).toBe(0o700);
      expect(lstatSync(join(upper, 'app')).mode & 0o7777).toBe(0o755);
      expect(readlinkSync(join(upper, 'app/current'))).toBe('src/a.js');
      expect(readFileSync(join(upper, 'top'), 'utf8')).toBe('');
      expect(owner(join(upper, 'app/src/a.js'))).toEqual([0, 0]);
    });
  });

  test("gives what it makes to the container's user, whoever owns the directory", async () => {
    const user = { uid: 1000, gid: 1001, argv: ['/bin/sh', '-c', 'echo ready; exec sleep 1000'] };
    await inContainer('owned', user, async ({ upper, sync }) => {
      await sync([file('/etc/app/conf', source('conf'), 0o600), { kind: 'symlink', target: '/etc/link', to: 'app' }]);
      for (const path of ['etc/app', 'etc/app/conf', 'etc/link']) expect(owner(join(upper, path)), path).toEqual([1000, 1001]);
    });
  });

  test('replaces a file as a whole: who has the old one open keeps it', async () => {
    await inContainer('replaced', { script: 'echo old > /file; exec 3</file' }, async ({ upper, sync }) => {
      const before = lstatSync(join(upper, 'file')).ino;
      await sync([file('/file', source('new', Buffer.alloc(3_000_000, 'x')))]);
      expect(lstatSync(join(upper, 'file')).ino).not.toBe(before);
      expect(lstatSync(join(upper, 'file')).size).toBe(3_000_000);
      expect(readdirSync(upper).filter((name) => name.startsWith('.tsstack'))).toEqual([]);
    });
  });

  test('takes the place of a directory, and the other way round', async () => {
    await inContainer('kinds', { script: 'mkdir -p /a/deep/er && touch /a/deep/er/x /b' }, async ({ upper, sync }) => {
      await sync([file('/a', source('a')), { kind: 'directory', target: '/b', mode: 0o755 }]);
      expect(lstatSync(join(upper, 'a')).isFile()).toBe(true);
      expect(lstatSync(join(upper, 'b')).isDirectory()).toBe(true);
    });
  });

  test('removes what is there with all below it, and takes what is not there as removed', async () => {
    await inContainer('removed', { script: 'mkdir -p /a/b/c && touch /a/b/c/d && ln -s /bin /a/bin' }, async ({ upper, sync }) => {
      await sync([
        { kind: 'remove', target: '/a' },
        { kind: 'remove', target: '/a' },
        { kind: 'remove', target: '/nowhere/at/all' },
        { kind: 'remove', target: '/etc/passwd' },
      ]);
      expect(existsSync(join(upper, 'a'))).toBe(false);
      // A file of the image is whited out (overlayfs.rst, "whiteouts and opaque directories"), the link's target left alone.
      expect(lstatSync(join(upper, 'etc/passwd')).isCharacterDevice()).toBe(true);
      expect(existsSync(join(upper, 'bin'))).toBe(false);
    });
  });

  test('removes directories that a layer of the image has, where an overlay moves none', async () => {
    const layer = join(fixture.directory, 'layer');
    for (const name of ['opt/app/lib/deep', 'opt/app/share/deep']) {
      mkdirSync(join(layer, name), { recursive: true });
      writeFileSync(join(layer, name, 'file'), name);
    }
    const lowerdirs = [layer, join(fixture.directory, 'rootfs')];
    await inContainer('layered', { lowerdirs, script: 'mkdir -p /opt/app/lib/own/x' }, async ({ upper, sync }) => {
      await sync([{ kind: 'remove', target: '/opt/app' }]);
      expect(readdirSync(join(upper, 'opt'))).toEqual(['app']);
      expect(lstatSync(join(upper, 'opt/app')).isCharacterDevice()).toBe(true);
    });
  });

  test('tells all that could not be done, after the rest was done', async () => {
    await inContainer('partly', { script: 'touch /file' }, async ({ upper, sync }) => {
      const big = source('big', Buffer.alloc(500_000));
      const work = sync([
        file('/file/below', big),
        file('/etc/../passwd', big),
        file('/', big),
        { kind: 'remove', target: '/' },
        file('/last', source('last')),
      ]);
      await expect(work).rejects.toMatchObject({
        code: 'kernel',
        message: [
          'cannot write `/file/below` in container `partly`: a part of its path is no directory (ENOTDIR)',
          'cannot write `/etc/../passwd` in container `partly`: it must be an absolute path below `/`, without `..` (EINVAL)',
          'cannot write `/` in container `partly`: it must be an absolute path below `/`, without `..` (EINVAL)',
          'cannot remove `/` in container `partly`: it must be an absolute path below `/`, without `..` (EINVAL)',
        ].join('\n'),
      });
      expect(readFileSync(join(upper, 'last'), 'utf8')).toBe('last');
    });
  });

  test('says so when the root is read-only', async () => {
    await inContainer('read-only', { readOnlyRoot: true }, async ({ sync }) => {
      await expect(sync([file('/app/x', source('x')), file('/etc/x', source('x'))])).rejects.toMatchObject({
        message: [
          'cannot write `/app/x` in container `read-only`: the filesystem there is read-only (EROFS)',
          'cannot write `/etc/x` in container `read-only`: the filesystem there is read-only (EROFS)',
        ].join('\n'),
        hint: expect.stringContaining('readOnly'),
      });
    });
  });

  test('sends what the caller learns step by step, and leaves out what has gone since', async () => {
    const one = source('one');
    async function* changes(): AsyncGenerator<SyncChange> {
      yield file('/one', one);
      yield file('/gone', join(host, 'gone'));
      yield { kind: 'remove', target: '/one' };
      yield file('/two', one);
    }
    await inContainer('stepwise', {}, async ({ upper, sync }) => {
      await sync(changes());
      expect(['one', 'gone', 'two'].filter((name) => existsSync(join(upper, name)))).toEqual(['two']);
    });
  });

  test('leaves no half of a file that became shorter while it was read', async () => {
    await inContainer('shorter', { script: 'echo old > /file' }, async ({ upper, sync }) => {
      // sysfs says 4096 bytes of every file of its (fs/sysfs/file.c), and has less: as if the rest had been cut off.
      const work = sync([file('/file', '/sys/class/net/lo/mtu')]);
      await expect(work).rejects.toMatchObject({ message: expect.stringContaining('it became shorter while it was read') });
      expect(readFileSync(join(upper, 'file'), 'utf8')).toBe('old\n');
      expect(readdirSync(upper).filter((name) => name.startsWith('.tsstack'))).toEqual([]);
    });
  });

  test('fails for a container that has ended', async () => {
    let late: Container['sync'] | undefined;
    await inContainer('ended', {}, async ({ sync }) => {
      late = sync;
    });
    await expect(late?.([{ kind: 'remove', target: '/x' }])).rejects.toMatchObject({
      message: expect.stringMatching(/^cannot sync into container `ended`: container `process \d+` failed with ESRCH$/),
    });
  });
});

describe('a hostile container', () => {
  test('cannot make it write, make or remove anything on the host with symbolic links', async () => {
    const victim = source('victim', 'untouched');
    const script = [`ln -s ${host} /absolute`, `ln -s ../../../../../../../..${host} /relative`, `ln -s ${victim} /last`].join(' && ');
    await inContainer('symlinks', { script }, async ({ upper, sync }) => {
      const before = readdirSync(host).sort();
      const payload = source('victim', 'untouched');
      for (const way of ['/absolute', '/relative']) {
        await expect(sync([file(`${way}/pwned`, payload)])).rejects.toThrow('a symbolic link on its way leads nowhere (EEXIST)');
        await expect(sync([{ kind: 'directory', target: `${way}/pwned`, mode: 0o755 }])).rejects.toThrow('EEXIST');
        await sync([{ kind: 'remove', target: `${way}/victim` }]);
      }
      await sync([file('/last', payload)]);
      expect(readdirSync(host).sort()).toEqual(before);
      expect(readFileSync(victim, 'utf8')).toBe('untouched');
      expect(lstatSync(join(upper, 'last')).isFile()).toBe(true);
    });
  });

  test('finds what goes through such a link in its own root', async () => {
    await inContainer('own-root', { script: `mkdir -p ${host} && ln -s ${host} /link` }, async ({ upper, sync }) => {
      await sync([file('/link/inside', source('outside'))]);
      expect(existsSync(join(host, 'inside'))).toBe(false);
      expect(readFileSync(join(upper, host, 'inside'), 'utf8')).toBe('outside');
    });
  });

  test.each(['/proc/2/root/tmp', '/proc/2/cwd/tmp'])('leads it nowhere with %s', async (link) => {
    await inContainer(`magic-${link.slice(8, 12).replace('/', '')}`, { script: `ln -s ${link} /magic` }, async ({ sync }) => {
      await expect(sync([file('/magic/x', source('x'))])).rejects.toThrow('ELOOP');
    });
  });

  test("lends it no capability that the container's root hasn't", async () => {
    // Without DAC_OVERRIDE (1) root is bound by the mode of a directory that another user owns.
    const capabilities = CAPABILITIES.filter((capability) => capability !== 1);
    await inContainer('bounded', { capabilities, uid: 0 }, async ({ sync }) => {
      await sync([file('/plain', source('plain'))]);
    });
    const foreign = { capabilities, script: 'mkdir /private && chown 1000 /private && chmod 700 /private' };
    await inContainer('foreign', foreign, async ({ sync }) => {
      await expect(sync([file('/private/x', source('x'))])).rejects.toMatchObject({ message: expect.stringContaining('EACCES') });
    });
  });

  test("is held to the same in the host's user namespace", async () => {
    await inContainer('hosted', { idMap: undefined, script: `ln -s ${host} /absolute` }, async ({ upper, sync }) => {
      await expect(sync([file('/absolute/pwned', source('x'))])).rejects.toThrow('EEXIST');
      await sync([file('/fine', source('x'))]);
      expect(existsSync(join(host, 'pwned'))).toBe(false);
      expect(existsSync(join(upper, 'fine'))).toBe(true);
    });
  });
});
