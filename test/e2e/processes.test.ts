import { readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const sh = async (p: Project, service: string, script: string) => (await p.ok(['exec', '-T', service, 'sh', '-c', script])).stdout;

test('a container has namespaces of its own and nothing of the host in sight', async () => {
  await withProject(
    only({ services: { web: { ...idle, hostname: 'my-host', environment: { A: '1' }, workingDir: '/tmp', labels: { x: 'y' } } } }),
    async (p) => {
      await p.ok(['up', '-d']);
      const { pid } = await p.container('web-1');
      for (const name of ['pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup', 'user']) {
        expect(readlinkSync(`/proc/${pid}/ns/${name}`), name).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
      }
      expect(await sh(p, 'web', 'hostname; cat /etc/hostname; echo $A; pwd')).toBe('my-host\nmy-host\n1\n/tmp\n');
      expect(await sh(p, 'web', 'grep -c . /proc/self/mountinfo; cat /proc/self/mountinfo')).not.toMatch(
        new RegExp(`${p.directory}/project|put_old|oldroot`),
      );
      expect(await sh(p, 'web', 'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c')).toBe('0\n');
      expect(await sh(p, 'web', 'echo 1 > /proc/sys/kernel/panic || touch /sys/x || echo refused')).toBe('refused\n');
      expect(
        await sh(
          p,
          'web',
          'for f in null zero full random urandom tty; do [ -c /dev/$f ] && echo -n "$f "; done; ls -d /dev/pts /dev/shm /dev/mqueue | wc -l',
        ),
      ).toBe('null zero full random urandom tty 3\n');
      const status = await sh(p, 'web', 'cat /proc/self/status');
      expect(status).toMatch(/NoNewPrivs:\t1/);
      expect(status).toMatch(/Seccomp:\t2/);
      const bounding = BigInt(`0x${/CapBnd:\t(\S+)/.exec(status)?.[1]}`);
      // capability.h: CAP_NET_RAW 13, CAP_SYS_ADMIN 21, CAP_MKNOD 27.
      for (const capability of [13n, 21n, 27n]) expect((bounding >> capability) & 1n).toBe(0n);
      expect(await sh(p, 'web', 'ps -o pid,comm | head -2 | tail -1')).not.toMatch(/sleep/);
    },
  );
});

test('the host userland is there to run, its secrets are not', async () => {
  const web = { image: 'host', command: ['node', '-e', 'setInterval(() => {}, 1e9)'] };
  await withProject(only({ services: { web } }), async (p) => {
    await p.ok(['up', '-d']);
    expect(await sh(p, 'web', 'node -p process.version')).toBe(`${process.version}\n`);
    expect(
      await sh(p, 'web', 'ls -A /root /home /var/lib /run /etc/shadow /etc/ssh 2>/dev/null | grep -vE "^$|^/.*:$" | head'),
    ).not.toMatch(/shadow|ssh_host|\.bash/);
    expect(await sh(p, 'web', 'touch /usr/x 2>&1; true')).toMatch(/Read-only|denied/);
  });
});

test('an OOM kill is told apart from any other', async () => {
  const hungry = { command: ['sh', '-c', 'x=x; while true; do x=$x$x; done'], limits: { memory: '16MiB', swap: 0 } };
  await withProject(only({ services: { hungry, web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const dead = await until('it is killed', () => p.container('hungry-1'), {
      holds: ({ state }) => state === 'stopped',
      timeoutMs: 20_000,
    });
    expect(dead.exit).toMatchObject({ code: 137, oomKilled: true });
    expect((await p.ok(['ps', '--all'])).stdout).toMatch(/OOM|out of memory/i);
    expect(await p.container('web-1')).toMatchObject({ state: 'running' });
  });
});

test('a stop sends the stop signal, waits for the grace period, then kills', async () => {
  const trap = (signal: string) => `trap 'echo got ${signal}; exit 0' ${signal}; echo ready; while true; do sleep 0.05; done`;
  const stack = only({
    services: {
      polite: { command: ['sh', '-c', trap('TERM')], volumes: ['./out:/out'] },
      other: {
        command: ['sh', '-c', trap('USR1').replace('echo got', 'echo usr1 > /out/usr1; echo got')],
        stopSignal: 'SIGUSR1',
        volumes: ['./out:/out'],
      },
      deaf: { command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.05; done'], stopGracePeriod: '300ms' },
    },
  });
  await withProject({ ...stack, 'out/.keep': '' }, async (p) => {
    const up = p.start(['up']);
    await up.says(/polite-1 .*ready/);
    await up.says(/other-1 .*ready/);
    up.signal('SIGINT');
    expect(await up.ended).toBe(130);
    expect(up.output()).toMatch(/got TERM/);
    expect(readFileSync(`${p.directory}/out/usr1`, 'utf8')).toBe('usr1\n');
    const states = Object.fromEntries((await p.ps()).map(({ name, state, exit }) => [name, [state, exit?.code]]));
    expect(states).toEqual({ 'polite-1': ['stopped', 0], 'other-1': ['stopped', 0], 'deaf-1': ['stopped', 137] });

    await p.ok(['up', '-d']);
    expect((await p.ps()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });
});

test('a command that is not there or cannot run is said so, with the code a shell would give', async () => {
  const stack = (command: readonly string[]) => only({ services: { web: { command }, other: idle } });
  await withProject(stack(['/bin/not-there']), async (p) => {
    const missing = await p.tsstack(['up', '-d']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/`web-1`|`shop-web-1`/);
    expect(missing.stderr).toMatch(/\/bin\/not-there/);
    expect((await p.container('web-1')).exit).toMatchObject({ code: 127 });

    p.write(stack(['/etc/nsswitch.conf']));
    expect((await p.tsstack(['up', '-d'])).code).toBe(1);
    expect((await p.container('web-1')).exit).toMatchObject({ code: 126 });
    expect(await p.container('other-1')).toMatchObject({ state: 'running' });
  });
});

test('a service that exits at once fails `up --wait`, with its last words at hand', async () => {
  const web = { command: ['sh', '-c', 'echo no config >&2; exit 4'] };
  await withProject(only({ services: { web } }), async (p) => {
    const up = await p.tsstack(['up', '-d', '--wait']);
    expect(up.code).toBe(18);
    expect(up.stderr).toMatch(/`(shop-)?web(-1)?`/);
    expect((await p.ok(['logs', 'web'])).stdout).toMatch(/no config/);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', exit: { code: 4 } });
  });
});

test('an attached up shows output, restarts by policy, and ends with 18 when a service failed for good', async () => {
  const web = {
    command: ['sh', '-c', 'echo try >> /data/tries; cat /data/tries | wc -l; exit 9'],
    restart: 'on-failure:2',
    volumes: ['data:/data'],
  };
  await withProject(only({ services: { web }, volumes: { data: {} } }), async (p) => {
    const up = p.start(['up']);
    await up.says(/web-1 .*3/);
    expect(await up.ended).toBe(18);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', exit: { code: 9 } });
  });
});
