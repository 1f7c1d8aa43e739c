import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';

test('a volume outlives down, and goes with `down --volumes`', async () => {
  const stack = only({ services: { db: { ...idle, volumes: ['data:/data'] } }, volumes: { data: {} } });
  await withProject(stack, async (p) => {
    const sh = async (script: string) => (await p.ok(['exec', '-T', 'db', 'sh', '-c', script])).stdout;
    await p.ok(['up', '-d']);
    await sh('echo kept > /data/file; chown 7:8 /data/file');
    await p.ok(['down']);
    await p.ok(['up', '-d']);
    expect(await sh('cat /data/file; stat -c %u:%g /data/file')).toBe('kept\n7:8\n');

    await p.ok(['down', '--volumes']);
    await p.ok(['up', '-d']);
    expect(await sh('ls /data')).toBe('');
  });
});

test('what a container writes to its root is its own and goes with it', async () => {
  await withProject(only({ services: { web: { ...idle, replicas: 2 } } }), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['exec', '-T', '--index', '1', 'web', 'sh', '-c', 'echo mine > /etc/mine; rm /www -r']);
    expect((await p.ok(['exec', '-T', '--index', '2', 'web', 'ls', '/etc', '/'])).stdout).not.toMatch(/mine/);
    expect((await p.ok(['exec', '-T', '--index', '2', 'web', 'ls', '/'])).stdout).toMatch(/www/);
    expect(() => statSync(join(p.directory, 'rootfs/etc/mine'))).toThrow('ENOENT');
    expect(statSync(join(p.directory, 'rootfs/www')).isDirectory()).toBe(true);
  });
});

test('binds, tmpfs and a read-only root are as the stack file says', async () => {
  const web = {
    ...idle,
    readOnly: true,
    volumes: ['./src:/src:ro', './out:/out', { type: 'tmpfs', target: '/scratch', size: '1MiB', mode: 0o1777 }],
  };
  await withProject({ ...only({ services: { web } }), 'src/file': 'source\n', 'out/.keep': '' }, async (p) => {
    await p.ok(['up', '-d']);
    const sh = (script: string) => p.tsstack(['exec', '-T', 'web', 'sh', '-c', script]);
    expect(await sh('cat /src/file')).toMatchObject({ code: 0, stdout: 'source\n' });
    expect((await sh('echo x > /src/file')).stderr).toMatch(/Read-only file system/);
    expect((await sh('echo x > /etc/file')).stderr).toMatch(/Read-only file system/);
    expect(await sh('echo x > /scratch/file; stat -c %a /scratch; df -k /scratch | tail -1')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1777\n.* 1024 .*\/scratch/),
    });
    expect((await sh('dd if=/dev/zero of=/scratch/big bs=1M count=2')).stderr).toMatch(/No space left/);
    expect(await sh('echo written > /out/file')).toMatchObject({ code: 0 });
    expect(readFileSync(join(p.directory, 'out/file'), 'utf8')).toBe('written\n');
  });
});

test('root in a container is nobody on the host, yet files keep their owners', async () => {
  const services = {
    root: { ...idle, volumes: ['./out:/out', 'data:/data'] },
    user: { ...idle, volumes: ['./out:/out'], user: '1000:1000' },
    host: { ...idle, userns: 'host' },
  };
  await withProject({ ...only({ services, volumes: { data: {} } }), 'out/.keep': '' }, async (p) => {
    await p.ok(['up', '-d']);
    const sh = async (service: string, script: string) => (await p.ok(['exec', '-T', service, 'sh', '-c', script])).stdout;
    expect(await sh('root', 'id -u; chmod 777 /out; touch /out/by-root; chown 42:43 /data; stat -c %u:%g /bin/busybox')).toBe('0\n0:0\n');
    expect(await sh('user', 'id -u; id -g; touch /out/by-user')).toBe('1000\n1000\n');

    const owner = (file: string) => [statSync(join(p.directory, file)).uid, statSync(join(p.directory, file)).gid];
    expect(owner('out/by-root')).toEqual([0, 0]);
    expect(owner('out/by-user')).toEqual([1000, 1000]);

    const hostUid = async (name: string) => statSync(`/proc/${commandOf((await p.container(name)).pid)}`).uid;
    expect(await hostUid('root-1')).toBe(await uidBase(p.container('root-1')));
    expect(await hostUid('root-1')).toBeGreaterThan(65_535);
    expect(await hostUid('user-1')).toBe((await uidBase(p.container('user-1'))) + 1000);
    expect(await hostUid('host-1')).toBe(0);
    expect(await uidBase(p.container('root-1')), 'no two containers share a range').not.toBe(await uidBase(p.container('user-1')));
  });
});

/** PID 1 is the init; the command is its first child. */
function commandOf(init: number | undefined): number {
  return Number(readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').split(' ')[0]);
}

/** user_namespaces(7): `inside outside length`. */
async function uidBase(container: Promise<{ readonly pid: number | undefined }>): Promise<number> {
  const [, outside] = readFileSync(`/proc/${(await container).pid}/uid_map`, 'utf8')
    .trim()
    .split(/\s+/);
  return Number(outside);
}
