/** A supervisor that is gone: what it watched goes on, and the next command starts another, which takes over without a restart. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { killSupervisors, lives, statuses, supervisors } from '../support/past-tsstack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const web = { ...page, ports: ['18080:80'] };
const talker = { command: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.02; done'] };
/** Ends with this code as soon as `./flags/<name>` is there. */
const untilTold = (name: string, code: number) => ({
  command: ['sh', '-c', `while [ ! -e /flags/${name} ]; do sleep 0.02; done; exit ${code}`],
  volumes: ['./flags:/flags:ro'],
});

const ticks = async (p: Project) => (await p.ok(['logs', '--no-prefix', 'talker'])).stdout.trim().split('\n');

test('containers outlive their supervisor, their output is complete, and the next one restarts nothing', async () => {
  await withProject(only({ services: { web, talker } }), async (p) => {
    await p.ok(['up', '-d']);
    await until('the page answers', () => http('http://127.0.0.1:18080/'));
    const [listed, before, old] = [await p.ps(), lives(p), supervisors(p)];
    await killSupervisors(p);
    expect(lives(p)).toEqual(before);
    expect((await http('http://127.0.0.1:18080/')).body).toBe('web-1\n');
    const said = (await ticks(p)).length;
    await until('output goes on being logged', async () => (await ticks(p)).length > said + 5);
    expect(supervisors(p), '`logs` needs none').toEqual([]);

    expect(await p.ps()).toEqual(listed);
    expect(supervisors(p)).toHaveLength(1);
    expect(supervisors(p)).not.toEqual(old);
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(lives(p)).toEqual(before);
    const all = await ticks(p);
    expect(all).toEqual(all.map((_, at) => `tick ${at + 1}`));
  });
});

test('what ended while nobody supervised is restarted by its policy, or shows how it ended', async () => {
  const services = {
    always: { ...untilTold('always', 3), restart: 'always' },
    never: { ...untilTold('never', 7), restart: 'no' },
    stopped: { ...idle, restart: 'always' },
    web,
  };
  await withProject({ ...only({ services }), 'flags/.keep': '' }, async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['stop', 'stopped']);
    const before = lives(p);
    await killSupervisors(p);
    p.write({ 'flags/always': '', 'flags/never': '' });
    await until('both have ended', () => lives(p), { holds: (now) => now.size === 1 });
    expect(statuses(p).get('always-1')?.exit?.code).toBe(3);
    rmSync(join(p.directory, 'flags/always'));

    expect(await p.container('never-1')).toMatchObject({ state: 'stopped', exit: { code: 7 } });
    await until('it runs again', () => lives(p), { holds: (now) => now.has('always-1') });
    expect(await p.container('always-1')).toMatchObject({ state: 'running', restarts: 1 });
    expect(await p.container('never-1')).toMatchObject({ state: 'stopped', exit: { code: 7 }, restarts: 0 });
    expect(await p.container('stopped-1')).toMatchObject({ state: 'stopped', reason: 'stopped on request' });
    expect(lives(p).get('web-1')).toBe(before.get('web-1'));
  });
});

test('a container that was killed while nobody supervised is started again, whatever its policy', async () => {
  await withProject(only({ services: { web, worker: { ...idle, restart: 'no' } } }), async (p) => {
    await p.ok(['up', '-d']);
    const before = lives(p);
    const { pid } = await p.container('worker-1');
    await killSupervisors(p);
    if (pid === undefined) throw new Error('worker-1 has no pid');
    process.kill(pid, 'SIGKILL');
    await until('its end is written down', () => statuses(p).get('worker-1'), { holds: (status) => status?.exit?.signal === 9 });
    await p.ps();
    await until('it runs again', () => lives(p), { holds: (now) => now.size === 2 });
    expect(lives(p).get('web-1')).toBe(before.get('web-1'));
  });
});

test('what drifted while nobody supervised is repaired by whichever command comes next', async () => {
  await withProject(only({ services: { web } }), async (p) => {
    await p.ok(['up', '-d']);
    const before = lives(p);
    await killSupervisors(p);
    const flushed = await command(['iptables', '-t', 'nat', '-F']);
    expect(flushed.code).toBe(0);
    expect((await p.tsstack(['plan'])).code, '`plan` starts none, and shows it').toBe(10);
    await p.ps();
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
    expect(lives(p)).toEqual(before);
  });
});

test('tries of `on-failure` are counted over supervisors', async () => {
  const flaky = { command: ['sh', '-c', 'echo try; exit 9'], restart: 'on-failure:4' };
  await withProject(only({ services: { flaky } }), async (p) => {
    const tries = async () => (await p.ok(['logs', '--no-prefix', 'flaky'])).stdout.split('\n').filter((line) => line === 'try').length;
    await p.ok(['up', '-d']);
    for (const many of [2, 3, 4]) {
      await until(`it has tried ${many} times`, tries, { holds: (count) => count >= many });
      await killSupervisors(p);
      await p.ps();
    }
    await until('its supervisor has given up and ended', () => supervisors(p), { holds: (pids) => pids.length === 0 });
    expect(await tries()).toBe(5);
    expect(await p.container('flaky-1')).toMatchObject({ state: 'stopped', exit: { code: 9 } });
    expect(supervisors(p), 'one that ended by itself needs no successor').toEqual([]);
  });
});

test('the health of what was adopted is found out again', async () => {
  const healthcheck = { test: ['CMD', 'test', '-e', '/tmp/ok'], interval: '1h', startInterval: '50ms', startPeriod: '10m' };
  await withProject(only({ services: { db: { ...idle, healthcheck } } }), async (p) => {
    await p.ok(['up', '-d']);
    const before = lives(p);
    expect(await p.container('db-1')).toMatchObject({ health: 'starting' });
    await p.ok(['exec', '-T', 'db', 'touch', '/tmp/ok']);
    const healthy = { holds: ({ health }: { readonly health?: unknown }) => health === 'healthy' };
    await until('it is healthy', () => p.container('db-1'), healthy);
    await killSupervisors(p);
    await until('it is known to be healthy', () => p.container('db-1'), healthy);
    expect(lives(p)).toEqual(before);
  });
});

test('an attached up whose supervisor is killed goes on with another one', async () => {
  await withProject(only({ services: { web, talker } }), async (p) => {
    const up = p.start(['up']);
    await up.says(/talker-1 .*tick/);
    const [before, old] = [lives(p), supervisors(p)];
    await killSupervisors(p);
    await until('there is another one', () => supervisors(p), { holds: (pids) => pids.length === 1 && pids[0] !== old[0] });
    expect(lives(p)).toEqual(before);
    const { pid } = await p.container('web-1');
    if (pid === undefined) throw new Error('web-1 has no pid');
    process.kill(pid, 'SIGKILL');
    await up.says(/web-1 .*SIGKILL/);
    up.signal('SIGINT');
    expect(await up.ended).toBe(130);
    expect(lives(p)).toEqual(new Map());
  });
});

test('a supervisor that is asked to leave while something runs has a successor with the next command', async () => {
  await withProject(only({ services: { web } }), async (p) => {
    await p.ok(['up', '-d']);
    const [before, old] = [lives(p), supervisors(p)];
    for (const pid of old) process.kill(pid, 'SIGTERM');
    await until('it is gone', () => supervisors(p), { holds: (pids) => pids.length === 0 });
    await p.ps();
    expect(supervisors(p)).toHaveLength(1);
    expect(lives(p)).toEqual(before);
  });
});

/** A tsstack of another build beside this one: the hash in the bundle's first line is what tells them apart. */
function anotherBuild(at: string): string {
  const here = new URL('../..', import.meta.url).pathname;
  mkdirSync(join(at, 'bin'), { recursive: true });
  cpSync(join(here, 'bin/tsstack.cjs'), join(at, 'bin/tsstack.cjs'));
  cpSync(join(here, 'dist'), join(at, 'dist'), { recursive: true, filter: (path) => !path.endsWith('/cache') });
  cpSync(join(here, 'package.json'), join(at, 'package.json'));
  symlinkSync(join(here, 'node_modules'), join(at, 'node_modules'));
  const bundle = join(at, 'dist/cli.cjs');
  writeFileSync(bundle, readFileSync(bundle, 'utf8').replace(/^\/\* [0-9a-f]+/, '/* 0123456789abcdef'));
  return join(at, 'bin/tsstack.cjs');
}

test('a supervisor of another build is replaced without restarting anything', async () => {
  await withProject(only({ services: { web, talker } }), async (p) => {
    await p.ok(['up', '-d']);
    const [before, first] = [lives(p), supervisors(p)];
    const other = anotherBuild(join(dirname(p.directory), 'cache/other'));
    const listed = await command([process.execPath, other, 'ps'], { cwd: p.directory, env: p.env, timeoutMs: 30_000 });
    expect(listed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/web-1 +running/) });
    const second = supervisors(p);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);

    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(supervisors(p)).toHaveLength(1);
    expect(supervisors(p)).not.toEqual(second);
    expect(lives(p)).toEqual(before);
  });
});
