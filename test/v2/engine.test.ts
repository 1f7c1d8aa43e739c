/** The whole engine on a kernel with nothing but cgroup v2, which is also the oldest one we stand for. Run by test/v2/run.sh. */
import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, page, type StackShape, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const MIB = 1024 ** 2;
/** Not TypeScript, whose compiler takes ten seconds to start in the guest: what loads the file is the same on every kernel. */
const plain = (shape: StackShape): Record<string, string> => ({ 'stack.config.mjs': stackFile(shape) });
const limits = { cpus: 0.5, cpuShares: 2048, cpuset: '0', memory: '64MiB', memoryReservation: '32MiB', swap: '16MiB', pids: 50 };
const UNLIMITED = {
  'cpu.max': 'max 100000',
  'cpu.weight': '100',
  'cpuset.cpus': '',
  'memory.max': 'max',
  'memory.low': '0',
  'memory.swap.max': 'max',
  'pids.max': 'max',
};

/** What the kernel says of a container's cgroup, in the words of cgroup-v2.rst. */
async function held(p: Project, name: string): Promise<Record<string, string>> {
  const { pid } = await p.container(name);
  // cgroups(7): on v2 the line is `0::PATH`; any other would be of v1.
  const [, path = ''] = /^0::(\/tsstack\/shop-\w+\/.*)\n$/.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8')) ?? [];
  expect(path).not.toBe('');
  return Object.fromEntries(Object.keys(UNLIMITED).map((file) => [file, readFileSync(join('/sys/fs/cgroup', path, file), 'utf8').trim()]));
}

const withLimits = (of: object): StackShape => ({
  services: {
    db: {
      command: ['sh', '-c', 'touch /data/ready; exec sleep 1000000'],
      volumes: ['data:/data'],
      healthcheck: { test: ['CMD', 'test', '-e', '/data/ready'] },
    },
    migrate: {
      kind: 'job',
      command: ['sh', '-c', 'echo migrated >> /data/log'],
      volumes: ['data:/data'],
      dependsOn: { db: 'healthy' },
    },
    web: {
      command: ['sh', '-c', `cat /data/log; ${page.command.at(-1)}`],
      volumes: ['data:/data:ro'],
      dependsOn: { migrate: 'completed' },
      ports: ['18080:80'],
      limits: of,
    },
  },
  volumes: { data: {} },
});

test('a stack with jobs, health, limits and a published port comes up, changes in place, and goes without a trace', async () => {
  await withProject(plain(withLimits(limits)), async (p) => {
    const { stdout: findings } = await p.ok(['doctor']);
    expect(findings).toMatch(/^ok +cgroups +unified \(v2\): cpu, cpuset, memory, pids$/m);
    expect(findings).toMatch(/^ok +idmapped mounts +work on/m);
    expect(findings).not.toMatch(/^missing/m);

    await p.ok(['up', '-d', '--wait']);
    expect((await until('the published port answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
    expect((await p.ok(['logs', 'web'])).stdout).toMatch(/migrated/);
    const before = await p.container('web-1');
    expect(readlinkSync(`/proc/${before.pid}/ns/user`)).not.toBe(readlinkSync('/proc/self/ns/user'));
    // Files keep their owners although root in there is nobody out here: that is what an idmapped layer and an idmapped volume are for.
    const owners = await p.ok(['exec', '-T', 'web', 'sh', '-c', 'stat -c %u /bin/busybox /data/log; cat /proc/self/cgroup; exit 7'], {
      code: 7,
    });
    expect(owners.stdout).toBe('0\n0\n0::/\n');
    expect(await held(p, 'web-1')).toEqual({
      'cpu.max': '50000 100000',
      'cpu.weight': expect.stringMatching(/^\d+$/),
      'cpuset.cpus': '0',
      'memory.max': String(64 * MIB),
      'memory.low': String(32 * MIB),
      'memory.swap.max': String(16 * MIB),
      'pids.max': '50',
    });
    expect(Number((await held(p, 'web-1'))['cpu.weight'])).toBeGreaterThan(100);
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);

    p.write(plain(withLimits({ ...limits, cpus: 1, cpuset: '1', memory: '96MiB', swap: 0, pids: 60 })));
    await p.ok(['up', '-d']);
    expect(await held(p, 'web-1')).toMatchObject({
      'cpu.max': '100000 100000',
      'cpuset.cpus': '1',
      'memory.max': String(96 * MIB),
      'memory.swap.max': '0',
      'pids.max': '60',
    });
    p.write(plain(withLimits({})));
    await p.ok(['up', '-d']);
    expect(await held(p, 'web-1'), 'limits that are gone are lifted').toEqual({ ...UNLIMITED, 'cpuset.cpus': '0-1' });
    const after = await p.container('web-1');
    expect({ pid: after.pid, startedAt: after.startedAt }).toEqual({ pid: before.pid, startedAt: before.startedAt });
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
  });
});

test('an OOM kill is told apart from any other', async () => {
  const hungry = { command: ['sh', '-c', 'x=x; while true; do x=$x$x; done'], limits: { memory: '16MiB', swap: 0 } };
  await withProject(plain({ services: { hungry, web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const dead = await until('it is killed', () => p.container('hungry-1'), { holds: ({ state }) => state === 'stopped' });
    expect(dead.exit).toMatchObject({ code: 137, oomKilled: true });
    expect(await p.container('web-1')).toMatchObject({ state: 'running' });
  });
});

test('a layer that this kernel cannot map is used as it is, with a warning', async () => {
  // The guest's own userland is on an overlay over virtiofs: neither has idmapped mounts in this kernel.
  await withProject(plain({ services: { web: { ...idle, image: 'host' } } }), async (p) => {
    const { stderr } = await p.ok(['up', '-d']);
    expect(stderr).toMatch(/owners of files in `\/usr` are not mapped/);
    expect((await p.ok(['exec', '-T', 'web', 'node', '-p', '6 * 7'])).stdout).toBe('42\n');
  });
});
