import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchSpec } from '../../engine/model/launch.ts';
import { BINARY, type Fixture, ID_BASE, makeRootfs, openFixture, until } from './launcher-fixture.ts';

let fixture: Fixture;
beforeAll(() => {
  fixture = openFixture();
});
afterAll(() => fixture.close());

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

describe('a container', () => {
  test('has every namespace of its own', async () => {
    const { stdout } = await fixture.run('ns', 'cd /proc/self/ns; for n in cgroup ipc mnt net pid user uts; do readlink $n; done');
    const inside = stdout.trim().split('\n');
    const outside = NAMESPACES.map((name) => readlinkSync(`/proc/self/ns/${name}`));
    expect(inside).toHaveLength(NAMESPACES.length);
    for (const [index, name] of NAMESPACES.entries()) {
      expect(inside[index]).toMatch(new RegExp(`^${name}:`));
      expect(inside[index]).not.toBe(outside[index]);
    }
  });

  test("keeps the host's user namespace when it has no id map", async () => {
    const { stdout } = await fixture.run('hostuser', 'readlink /proc/self/ns/user; id -u; touch /made', { idMap: undefined });
    expect(stdout).toBe(`${readlinkSync('/proc/self/ns/user')}\n0\n`);
    expect(statSync(join(fixture.directory, 'hostuser/upper/made')).uid).toBe(0);
  });

  test('is root inside and nobody outside', async () => {
    const created = await fixture.launcher.create('root', fixture.spec('root', 'id -u; exec sleep 1000'));
    await fixture.launcher.start('root');
    const outside = readFileSync(`/proc/${created.init.pid}/status`, 'utf8');
    expect(outside).toMatch(new RegExp(`^Uid:\\t${ID_BASE}\\t${ID_BASE}\\t${ID_BASE}\\t${ID_BASE}$`, 'm'));
    await until(
      () => fixture.output('root') === '0\n',
      () => 'no output',
    );
    expect(await fixture.launcher.signal(created.init, 9)).toBe(true);
    const status = await fixture.ended('root');
    expect(status.exit).toEqual({ code: 137, signal: 9, oomKilled: false, initKilled: true, error: undefined });
  });

  test('sees the owners of shared files as they are, and leaves its own files owned by root on disk', async () => {
    const data = join(fixture.directory, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'theirs'), 'x');
    const { stdout } = await fixture.run('owners', 'stat -c %u /bin/busybox /data/theirs; echo hi > /data/mine; id -u', {
      mounts: [{ type: 'bind', source: data, target: '/data', readOnly: false }],
    });
    expect(stdout).toBe('0\n0\n0\n');
    expect(statSync(join(data, 'mine')).uid).toBe(0);
  });

  test('has nothing of the old root in its mounts', async () => {
    const { stdout } = await fixture.run('pivot', 'cat /proc/self/mountinfo; ls /');
    const targets = stdout
      .split('\n')
      .filter((line) => / - /.test(line))
      .map((line) => line.split(' ')[4]);
    // What is hidden or protected is what this kernel has of it.
    const { maskedPaths, readonlyPaths } = fixture.spec('paths', 'true');
    const covered = [...maskedPaths, ...readonlyPaths].filter((path) => existsSync(path));
    expect(targets.sort()).toEqual(['/', '/dev', '/dev/mqueue', '/dev/pts', '/dev/shm', '/proc', '/sys', ...covered].sort());
    expect(stdout).not.toContain(fixture.directory);
  });

  test('shows neither host paths nor descriptors in its PID 1', async () => {
    const { stdout } = await fixture.run(
      'pid1',
      'cat /proc/1/cmdline | head -c 12; echo; ls /proc/1/fd 2>&1; ls -l /proc/1/exe 2>&1; echo /proc/$$/fd/*',
    );
    expect(stdout).toMatch(/^tsstack-init\n/);
    expect(stdout).toContain("can't open '/proc/1/fd'");
    expect(stdout).not.toContain(BINARY);
    // The third is the shell's own, for reading the directory.
    expect(stdout).toMatch(/\/fd\/0 \S+\/fd\/1 \S+\/fd\/2( \S+\/fd\/3)?\n$/);
  });

  test('cannot read masked paths or write read-only ones', async () => {
    const { stdout } = await fixture.run(
      'masks',
      [
        'wc -c < /proc/timer_list',
        'ls /sys/firmware | wc -l',
        '(echo 1 > /proc/sys/vm/swappiness) 2>&1 | grep -c "Read-only"',
        '(echo x > /sys/kernel/x) 2>&1 | grep -c "Read-only\\|nonexistent"',
        '(mknod /dev/sda b 8 0) 2>&1 | grep -c "not permitted"',
      ].join('; '),
    );
    expect(stdout).toBe('0\n0\n1\n1\n1\n');
  });

  test('has the capabilities it was given, no new privileges, and its seccomp filter', async () => {
    // BPF_RET | BPF_K, SECCOMP_RET_ALLOW
    const filter = join(fixture.directory, 'filter');
    writeFileSync(filter, Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]));
    const { stdout } = await fixture.run('caps', 'grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status', { seccompFile: filter });
    expect(stdout.replaceAll('\t', ' ')).toBe(
      'CapInh: 0000000000000000\nCapPrm: 00000000800404fb\nCapEff: 00000000800404fb\nCapBnd: 00000000800404fb\nCapAmb: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n',
    );
  });

  test('runs its command as the user it was given, with no capability', async () => {
    const { stdout } = await fixture.run('user', 'id; grep -E "^Cap(Prm|Eff)" /proc/self/status; echo again > /dev/stdout', {
      uid: 1000,
      gid: 1000,
      additionalGids: [4, 5],
    });
    expect(stdout.replaceAll('\t', ' ')).toMatch(/^uid=1000\(user\) gid=1000 groups=4,5(,1000)?\nCapPrm: 0{16}\nCapEff: 0{16}\nagain\n$/);
  });

  test('gets its working directory, made if it is missing, its environment and nothing else', async () => {
    const { stdout } = await fixture.run('env', 'pwd; /bin/env', { workingDir: '/srv/app', environment: { PATH: '/bin', A: 'b c' } });
    expect(stdout.split('\n').sort()).toEqual(['', '/srv/app', 'A=b c', 'PATH=/bin', 'PWD=/srv/app', 'SHLVL=1']);
  });

  test('gets its mounts: tmpfs, content, read-only binds, over missing targets', async () => {
    const source = join(fixture.directory, 'one-file');
    writeFileSync(source, 'text\n');
    const mounts: LaunchSpec['mounts'] = [
      { type: 'tmpfs', target: '/scratch/deep', data: 'mode=1777,size=65536k', readOnly: false },
      { type: 'content', content: 'made up\n', target: '/etc/hostname' },
      { type: 'bind', source, target: '/etc/app/one', readOnly: true },
    ];
    const script =
      'stat -c %a /scratch/deep; cat /etc/hostname /etc/app/one; (echo x > /etc/app/one) 2>&1 | grep -c Read-only; touch /new 2>&1 | grep -c Read-only';
    const { stdout } = await fixture.run('mounts', script, { mounts, readOnlyRoot: true });
    expect(stdout).toBe('1777\nmade up\ntext\n1\n1\n');
    expect(readFileSync(source, 'utf8')).toBe('text\n');
  });

  test('makes a mount target inside a shared directory, owned by root there', async () => {
    const outer = join(fixture.directory, 'outer');
    const inner = join(fixture.directory, 'inner');
    mkdirSync(outer);
    mkdirSync(inner);
    const { stdout } = await fixture.run('nested', 'stat -c %u /outer/a; touch /outer/a/b/x', {
      mounts: [
        { type: 'bind', source: outer, target: '/outer', readOnly: false },
        { type: 'bind', source: inner, target: '/outer/a/b', readOnly: false },
      ],
    });
    expect(stdout).toBe('0\n');
    expect(statSync(join(outer, 'a')).uid).toBe(0);
    expect(existsSync(join(inner, 'x'))).toBe(true);
  });

  test("never lets a symlink of its image lead a mount out to the host's files", async () => {
    const victim = join(fixture.directory, 'victim');
    mkdirSync(victim);
    const rootfs = makeRootfs(join(fixture.directory, 'evil'));
    rmSync(join(rootfs, 'etc'), { recursive: true });
    symlinkSync(victim, join(rootfs, 'etc'));
    symlinkSync('../../../../../../../../../..' + victim, join(rootfs, 'up'));
    const { stdout } = await fixture.run('evil-1', 'cat /etc/x /up/y', {
      lowerdirs: [rootfs],
      mounts: [
        { type: 'content', content: 'x\n', target: '/etc/x' },
        { type: 'content', content: 'y\n', target: '/up/y' },
      ],
    });
    expect(stdout).toBe('x\ny\n');
    expect(execFileSync('find', [victim], { encoding: 'utf8' })).toBe(`${victim}\n`);
  });

  test('refuses an image whose /proc is a symlink', async () => {
    const rootfs = makeRootfs(join(fixture.directory, 'proclink'));
    rmSync(join(rootfs, 'proc'), { recursive: true });
    symlinkSync('/tmp', join(rootfs, 'proc'));
    await fixture.launcher.create('proclink-1', fixture.spec('proclink-1', 'true', { lowerdirs: [rootfs] }));
    await expect(fixture.launcher.start('proclink-1')).rejects.toThrow('proc `/proc` failed with ELOOP');
  });

  test('writes sysctls of its network namespace, also of those that appear with a link', async () => {
    // Not net.core: older kernels (6.1 is one) show a user namespace nothing of it.
    const sysctls = { 'net/ipv4/ip_unprivileged_port_start': '77', 'net/ipv4/conf/late0/rp_filter': '2' };
    const { init, monitor } = await fixture.launcher.create(
      'sysctl',
      fixture.spec('sysctl', 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/late0/rp_filter', { sysctls }),
    );
    execFileSync('nsenter', [`--net=/proc/${init.pid}/ns/net`, 'ip', 'link', 'add', 'late0', 'type', 'bridge']);
    await fixture.launcher.start('sysctl');
    await fixture.launcher.waitExit(monitor, AbortSignal.timeout(10_000));
    expect(fixture.output('sysctl')).toBe('77\n2\n');
  });

  test('keeps the order of its layers, the first on top', async () => {
    const top = join(fixture.directory, 'top');
    mkdirSync(join(top, 'etc'), { recursive: true });
    writeFileSync(join(top, 'etc/passwd'), 'top\n');
    const lowerdirs = [top, join(fixture.directory, 'rootfs')];
    const { stdout } = await fixture.run('layers', 'cat /etc/passwd', { lowerdirs });
    expect(stdout).toBe('top\n');
  });

  test('keeps what it wrote when it is made again over the same upperdir', async () => {
    await fixture.run('again', 'echo kept > /file');
    const { stdout, status } = await fixture.run('again', 'cat /file; stat -c %u /file');
    expect(stdout).toBe('kept\n0\n');
    expect(status.exit?.code).toBe(0);
  });
});

describe('probe-idmap', () => {
  const probe = async (directory: string): Promise<{ code: number | null; stderr: string }> => {
    const child = spawn(BINARY, ['probe-idmap', directory], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise<number | null>((done) => child.on('close', done));
    return { code, stderr };
  };

  test('says yes for a directory of a file system with idmapped mounts', async () => {
    expect(await probe(fixture.directory)).toEqual({ code: 0, stderr: '' });
  });

  test('says no and why in one line for one without', async () => {
    const { code, stderr } = await probe('/proc');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^owners of files in `\/proc` are not mapped: Invalid argument\n$/);
  });
});
