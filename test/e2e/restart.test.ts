/** Restart policies, with real containers. */
import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { killSupervisor, type Listening, launchersOf, listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** Ends with that code, `times` times since the volume is there; then stays. */
const failing = (code: number, times: number) => ({
  command: ['sh', '-c', `echo x >> /data/runs; [ $(wc -l < /data/runs) -gt ${times} ] && exec sleep 1000000; exit ${code}`],
  volumes: ['data:/data'],
});
const withData = (services: Record<string, Record<string, unknown>>) => only({ services, volumes: { data: {} } });

/** Started over and over: by hand, so that a test is listening before it ends for the first time. */
async function endedByHand(p: Project, name: string, how: string): Promise<void> {
  await p.tsstack(['exec', '-T', name, 'sh', '-c', how]);
}

const delaysOf = (heard: Listening, name: string) =>
  heard
    .of('container.restarting')
    .filter(({ container }) => container === name)
    .map(({ delayMs, attempt }) => ({ delayMs, attempt }));

test('what ends by itself is restarted as its policy says, and nothing else is', async () => {
  const quit = (code: number, restart: string) => ({
    command: ['sh', '-c', `trap 'exit ${code}' USR1; while true; do sleep 0.05; done`],
    restart,
  });
  const services = {
    no: quit(1, 'no'),
    always: quit(0, 'always'),
    failedOnce: quit(1, 'on-failure:2'),
    wentWell: quit(0, 'on-failure'),
    unlessStopped: quit(0, 'unless-stopped'),
    bystander: idle,
  };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    const before = new Map((await p.ps()).map(({ name, pid }) => [name, pid]));
    for (const name of Object.keys(services).filter((service) => service !== 'bystander'))
      await endedByHand(p, name, 'kill -USR1 $(pidof sh | tr " " "\\n" | sort -n | head -n1) || kill -USR1 2');
    for (const name of ['always-1', 'failedOnce-1', 'unlessStopped-1'])
      await heard.hears('container.started', ({ container }) => container === name);
    for (const name of ['no-1', 'wentWell-1']) await heard.hears('container.exited', ({ container }) => container === name);
    const after = new Map((await p.ps()).map((listing) => [listing.name, listing]));
    for (const name of ['always-1', 'failedOnce-1', 'unlessStopped-1']) {
      expect(after.get(name), name).toMatchObject({ state: 'running', restarts: 1 });
      expect(after.get(name)?.pid).not.toBe(before.get(name));
    }
    expect(after.get('no-1')).toMatchObject({ state: 'stopped', restarts: 0, exit: { code: 1 } });
    expect(after.get('wentWell-1')).toMatchObject({ state: 'stopped', restarts: 0, exit: { code: 0 } });
    expect(after.get('bystander-1')?.pid).toBe(before.get('bystander-1'));
  });
});

test('one that fails over and over is restarted less and less often, until it runs', async () => {
  await withProject(withData({ web: { ...failing(3, 4), restart: 'always' }, other: idle }), async (p) => {
    const events = await heardFromStart(p, (heard) =>
      heard.hears('container.started', () => delaysOf(heard, 'web-1').length === 4, 20_000),
    );
    const delays = delaysOf(events, 'web-1');
    expect(delays.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(delays.map(({ delayMs }) => delayMs)).toEqual([100, 200, 400, 800]);
    expect(await until('it runs', () => p.container('web-1'), { holds: ({ state }) => state === 'running' })).toMatchObject({
      restarts: 4,
    });
  });
});

test('`on-failure:2` gives up after two restarts, and says so', async () => {
  await withProject(withData({ web: { ...failing(3, 99), restart: 'on-failure:2' }, other: idle }), async (p) => {
    await heardFromStart(p, async (heard) => {
      await until(
        'it has ended three times',
        () => heard.of('container.exited').filter(({ container }) => container === 'web-1').length === 3,
      );
      expect(delaysOf(heard, 'web-1')).toHaveLength(2);
    });
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped', restarts: 2, exit: { code: 3 } });
    await p.ok(['up', '-d']);
    await until(
      'an `up` tries again',
      async () => (await p.container('web-1')).restarts > 0 || (await p.container('web-1')).state === 'running',
    );
  });
});

test('`ps` says when one that waits will be restarted', async () => {
  await withProject(withData({ web: { ...failing(3, 99), restart: 'always' }, other: idle }), async (p) => {
    await p.ok(['up', '-d']);
    const waiting = await until('it waits', () => p.container('web-1'), { holds: ({ reason }) => reason !== undefined });
    expect(waiting.reason).toMatch(/^restarts in \d+\.\d s \(attempt \d+\)$/);
    expect(waiting.state).toBe('stopped');
    expect((await p.container('other-1')).reason).toBeUndefined();
  });
});

test('a restart that was due when the supervisor was killed is made by the next one', async () => {
  await withProject(withData({ web: { ...failing(3, 3), restart: 'always' }, other: idle }), async (p) => {
    await p.ok(['up', '-d']);
    await until('it has failed', () => p.container('web-1'), { holds: ({ restarts }) => restarts >= 1 });
    const other = (await p.container('other-1')).pid;
    await killSupervisor(p);
    // Whichever command comes next brings a supervisor with it.
    await until('it runs for good', () => p.container('web-1'), { holds: ({ state, restarts }) => state === 'running' && restarts >= 3 });
    expect((await p.container('other-1')).pid).toBe(other);
  });
});

test('an end that nobody was there to see is not lost', async () => {
  await withProject(only({ services: { web: { ...idle, restart: 'on-failure' }, job: { ...idle, restart: 'no' } } }), async (p) => {
    await p.ok(['up', '-d']);
    const [web, job] = [await p.container('web-1'), await p.container('job-1')];
    const supervisor = await listen(p);
    const launchers = launchersOf(supervisor.pid);
    supervisor[Symbol.dispose]();
    await killSupervisor(p);
    await until('its launcher has gone with it', () => launchersOf(supervisor.pid).length === 0 && launchers.length > 0);
    for (const { pid } of [web, job]) if (pid !== undefined) process.kill(pid, 'SIGTERM');
    const after = await until('web runs again', () => p.container('web-1'), {
      holds: ({ state, pid }) => state === 'running' && pid !== web.pid,
    });
    expect(after.restarts).toBe(1);
    expect(await p.container('job-1')).toMatchObject({ state: 'stopped', restarts: 0, exit: { code: 143, signal: 15 } });
  });
});

/** The first things happen while `up` is on its way: it stops a supervisor that nobody was listening to from being the first. */
async function heardFromStart(p: Project, body: (heard: Listening) => Promise<unknown>): Promise<Listening> {
  const up = p.ok(['up', '-d']);
  using heard = await listen(p);
  await body(heard);
  await up;
  return heard;
}
