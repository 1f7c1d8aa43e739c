/** What is asked of running containers: stop, start, restart, kill, pause. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { killSupervisor, listen, monitorOf } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const shop = (more: Readonly<Record<string, unknown>> = {}) =>
  only({ services: { web: { ...page, ports: ['18080:80'], restart: 'always', ...more }, other: { ...idle, replicas: 2 } } });

const states = async (p: Project) => Object.fromEntries((await p.ps()).map(({ name, state }) => [name, state]));
const answers = async () => (await until('the page answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body;

test('what was stopped stays stopped, until it is started with what it had written', async () => {
  await withProject(shop(), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['exec', '-T', 'web', 'sh', '-c', 'echo kept > /kept']);
    const { pid } = await p.container('web-1');
    expect((await p.ok(['stop', 'web', 'other-2'])).stderr).toMatch(/web-1.*stopped/);
    expect(await states(p)).toEqual({ 'web-1': 'stopped', 'other-1': 'running', 'other-2': 'stopped' });
    expect(await p.container('web-1')).toMatchObject({ reason: 'stopped on request', restarts: 0 });

    // Neither a repair nor another supervisor brings it back.
    await killSupervisor(p);
    const before = (await p.container('other-1')).pid;
    process.kill(before ?? 0, 'SIGKILL');
    await until('the other one is repaired', () => p.container('other-1'), {
      holds: (other) => other.state === 'running' && other.pid !== before,
    });
    expect(await states(p)).toEqual({ 'web-1': 'stopped', 'other-1': 'running', 'other-2': 'stopped' });

    await p.ok(['start', 'web']);
    expect(await answers()).toBe('web-1\n');
    expect((await p.ok(['exec', '-T', 'web', 'cat', '/kept'])).stdout).toBe('kept\n');
    expect((await p.container('web-1')).pid).not.toBe(pid);
    expect(await states(p)).toEqual({ 'web-1': 'running', 'other-1': 'running', 'other-2': 'stopped' });
    await p.ok(['up', '-d']);
    expect(await states(p), '`up` starts the rest').toEqual({ 'web-1': 'running', 'other-1': 'running', 'other-2': 'running' });
  });
});

test('a stack of which everything was stopped has no supervisor any more, and starts again all the same', async () => {
  await withProject(shop({ restart: 'unless-stopped' }), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['stop']);
    expect(Object.values(await states(p))).toEqual(['stopped', 'stopped', 'stopped']);
    await until('its socket is gone', () => readdirSync(p.runDirectory).every((name) => !name.endsWith('.sock')));
    await p.ok(['start']);
    expect(Object.values(await states(p))).toEqual(['running', 'running', 'running']);
    expect(await answers()).toBe('web-1\n');
    expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
  });
});

test('`restart` makes new processes of what it names, and of nothing else', async () => {
  await withProject(shop(), async (p) => {
    await p.ok(['up', '-d']);
    const pids = async () => new Map((await p.ps()).map(({ name, pid }) => [name, pid]));
    const before = await pids();
    await p.ok(['restart', 'web', 'other-1']);
    const after = await pids();
    expect(after.get('web-1')).not.toBe(before.get('web-1'));
    expect(after.get('other-1')).not.toBe(before.get('other-1'));
    expect(after.get('other-2')).toBe(before.get('other-2'));
    expect(await answers()).toBe('web-1\n');
  });
});

test('`kill` sends a signal: what ends by SIGKILL stays so, what ends by another is restarted by its policy', async () => {
  const trap = { command: ['sh', '-c', `trap 'echo > /usr1' USR1; touch /up; while true; do sleep 0.05; done`] };
  await withProject(only({ services: { web: { ...trap, restart: 'always' }, other: { ...idle, restart: 'always' } } }), async (p) => {
    await p.ok(['up', '-d']);
    await until('its trap is set', () => p.ok(['exec', '-T', 'web', 'test', '-e', '/up']));
    const { pid } = await p.container('web-1');
    await p.ok(['kill', '--signal', 'USR1', 'web']);
    await until('it has got the signal', () => p.ok(['exec', '-T', 'web', 'test', '-e', '/usr1']));
    expect((await p.container('web-1')).pid).toBe(pid);

    using heard = await listen(p);
    await p.ok(['kill', '-s', 'TERM', 'other']);
    await heard.hears('container.started', ({ container }) => container === 'other-1');
    expect(await p.container('other-1')).toMatchObject({ state: 'running', restarts: 1 });

    await p.ok(['kill', 'web']);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', exit: { signal: 9 }, reason: 'stopped on request' });
    // Somebody has to look at everything once more for this to mean something.
    process.kill(monitorOf((await p.container('other-1')).pid), 'SIGKILL');
    await heard.hears('repaired');
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped' });
    expect((await p.tsstack(['kill', 'web'])).code, 'what does not run cannot be killed').not.toBe(0);
  });
});

test('a paused container does nothing, isn’t called unhealthy, and goes on as the same process', async () => {
  const often = { interval: '50ms', startInterval: '20ms', timeout: '500ms', retries: 1, startPeriod: '20s', restart: false };
  const ticker = {
    command: ['sh', '-c', 'i=0; while true; do i=$((i+1)); echo $i > /ticks; sleep 0.02; done'],
    healthcheck: { ...often, test: ['CMD', 'test', '-e', '/ticks'] },
  };
  // Probed in the same rhythm: when it is unhealthy, so would be one that is frozen and probed all the same.
  const other = { ...idle, healthcheck: { ...often, test: '[ ! -e /hang ] || sleep 1000' } };
  await withProject(only({ services: { web: { ...ticker, restart: 'always' }, other } }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    using heard = await listen(p);
    const before = await p.container('web-1');
    const ticks = () => readFileSync(`/proc/${before.pid}/root/ticks`, 'utf8');
    await p.ok(['pause', 'web']);
    await heard.hears('container.paused');
    expect(await p.container('web-1')).toMatchObject({ paused: true, state: 'running', pid: before.pid });
    const then = ticks();
    await p.ok(['exec', '-T', 'other', 'touch', '/hang']);
    await heard.hears('container.health', ({ container, health }) => container === 'other-1' && health === 'unhealthy');
    // Another supervisor takes over meanwhile, and lets it rest.
    await killSupervisor(p);
    expect(await p.container('web-1')).toMatchObject({ paused: true, pid: before.pid });
    using heardLater = await listen(p);
    process.kill((await p.container('other-1')).pid ?? 0, 'SIGKILL');
    await heardLater.hears('repaired');
    expect(ticks()).toBe(then);
    await p.ok(['unpause', 'web']);
    await until('it goes on', () => ticks() !== then);
    expect(await p.container('web-1')).toMatchObject({ paused: false, pid: before.pid, restarts: 0 });
    const healths = [...heard.of('container.health'), ...heardLater.of('container.health')].filter(
      ({ container }) => container === 'web-1',
    );
    expect(healths.map(({ health }) => health)).not.toContain('unhealthy');
  });
});

test('a paused container can be stopped, restarted and taken down', async () => {
  await withProject(shop(), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['pause']);
    await p.ok(['stop', '--timeout', '5', 'web']);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', exit: { code: 143 } });
    await p.ok(['restart', '--timeout', '5', 'other-1']);
    expect(await p.container('other-1')).toMatchObject({ state: 'running', paused: false });
    expect(await p.container('other-2')).toMatchObject({ state: 'running', paused: true });
    await p.ok(['down', '--timeout', '5']);
    expect(await p.ps()).toEqual([]);
  });
});

test('a name that is none, and a stack that is not up, are errors that say so', async () => {
  await withProject(shop(), async (p) => {
    for (const verb of ['stop', 'start', 'restart', 'kill', 'pause', 'unpause']) {
      const early = await p.tsstack([verb]);
      expect([verb, early.code, early.stderr]).toEqual([verb, 1, expect.stringMatching(/not up|no stack/)]);
    }
    await p.ok(['up', '-d']);
    const { pid } = await p.container('web-1');
    for (const verb of ['stop', 'start', 'restart', 'kill', 'pause', 'unpause']) {
      const { code, stderr } = await p.tsstack([verb, 'webb']);
      expect([verb, code === 0, stderr]).toEqual([verb, false, expect.stringMatching(/`webb`/)]);
    }
    expect((await p.container('web-1')).pid).toBe(pid);
  });
});
