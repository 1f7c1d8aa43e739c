/** Health checks of every kind, what follows from them, and what waits for them. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { idle, only, page } from '../support/stack-file.ts';
import { killSupervisor, type Listening, listen, supervisorPid } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const quick = { interval: '50ms', startInterval: '20ms', startPeriod: '0s', timeout: '2s', retries: 2 };
/** Healthy as long as /ok is there, which a start makes. */
const okay = { command: ['sh', '-c', 'touch /ok; exec sleep 1000000'] };
const hasOk = { ...quick, test: ['CMD', 'test', '-e', '/ok'] };

const inside = (p: Project, name: string, script: string) => p.ok(['exec', '-T', name, 'sh', '-c', script]);
const healthIn = (heard: Listening, name: string) =>
  heard.of('container.health').flatMap(({ container, health }) => (container === name ? health : []));

test('a command, a page, a port and a line of output each tell that a container is healthy', async () => {
  // On a machine with much to do the first line may come late.
  const patient = { ...quick, startPeriod: '20s' };
  const services = {
    exec: { ...okay, healthcheck: { ...hasOk, startPeriod: '20s' } },
    shell: { ...okay, healthcheck: { ...patient, test: 'test -e /ok && echo fine' } },
    http: { ...page, healthcheck: { ...patient, http: '80/index.html' } },
    tcp: { ...page, healthcheck: { ...patient, tcp: 80 } },
    log: { command: ['sh', '-c', 'echo booting; echo ready to serve; exec sleep 1000000'], healthcheck: { ...patient, log: 'ready to' } },
  };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    expect((await p.ps()).map(({ name, health }) => [name, health])).toEqual(
      Object.keys(services)
        .sort()
        .map((name) => [`${name}-1`, 'healthy']),
    );
    expect((await p.ok(['ps'])).stdout).toMatch(/shop-http-1 .*healthy/);
  });
});

test('one that becomes unhealthy is restarted, with what it wrote, and nobody else is', async () => {
  const web = { ...page, command: ['sh', '-c', 'hostname > /www/index.html; touch /started; exec httpd -f -p 80 -h /www'] };
  await withProject(only({ services: { web: { ...web, healthcheck: { ...quick, http: '80/index.html' } }, other: idle } }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    using heard = await listen(p);
    const before = await p.container('web-1');
    const other = await p.container('other-1');
    await inside(p, 'web', 'echo kept > /kept; rm /www/index.html');
    const { delayMs } = await heard.hears('container.restarting', ({ container }) => container === 'web-1');
    expect(delayMs).toBe(100);
    await heard.hears('container.started', ({ container }) => container === 'web-1');
    await until('it is healthy again', () => healthIn(heard, 'web-1').at(-1) === 'healthy');
    expect(healthIn(heard, 'web-1')[0]).toBe('unhealthy');
    expect(heard.of('container.health').find(({ health }) => health === 'unhealthy')?.detail).toMatch(/404/);
    const after = await p.container('web-1');
    expect(after).toMatchObject({ state: 'running', restarts: 1, health: 'healthy' });
    expect(after.pid).not.toBe(before.pid);
    expect((await inside(p, 'web', 'cat /kept')).stdout).toBe('kept\n');
    expect((await p.container('other-1')).pid).toBe(other.pid);
    expect(heard.of('drift'), 'a restart by health is no drift').toEqual([]);
  });
});

test('one whose check says `restart: false` stays, unhealthy until it is healthy again', async () => {
  await withProject(only({ services: { web: { ...okay, healthcheck: { ...hasOk, restart: false } } } }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    using heard = await listen(p);
    const { pid } = await p.container('web-1');
    await inside(p, 'web', 'rm /ok');
    await heard.hears('container.health', ({ health }) => health === 'unhealthy');
    expect(await p.container('web-1')).toMatchObject({ health: 'unhealthy', pid });
    await inside(p, 'web', 'touch /ok');
    await heard.hears('container.health', ({ health }) => health === 'healthy');
    expect(await p.container('web-1')).toMatchObject({ health: 'healthy', pid, restarts: 0 });
    expect(heard.of('container.restarting')).toEqual([]);
  });
});

test('one that never gets healthy is restarted less and less often', async () => {
  const web = { ...idle, healthcheck: { ...quick, test: 'echo no wonder; exit 1' } };
  await withProject(only({ services: { web } }), async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    await until('it was restarted three times', () => heard.of('container.restarting').length >= 3, { timeoutMs: 20_000 });
    const restarts = heard.of('container.restarting');
    for (const [index, { delayMs, attempt }] of restarts.entries()) {
      expect(attempt).toBe((restarts[0]?.attempt ?? 0) + index);
      expect(delayMs).toBe(100 * 2 ** (attempt - 1));
    }
    expect(heard.of('container.health').find(({ health }) => health === 'unhealthy')?.detail).toMatch(/no wonder/);
  });
});

test('a dependent that was stopped for that is started by the next supervisor, if this one is killed right then', async () => {
  const services = { db: { ...idle, restart: 'always' }, web: { ...idle, restart: 'no', dependsOn: { db: { restart: true } } } };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FAILPOINTS: 'container.stop.after=kill' } });
    const supervisor = await supervisorPid(p);
    const before = await p.container('web-1');
    process.kill((await p.container('db-1')).pid ?? 0, 'SIGKILL');
    await until('the supervisor is gone', () => !existsSync(`/proc/${supervisor}`));
    await until('both run again', async () => (await p.ps()).every(({ state }) => state === 'running'));
    expect((await p.container('web-1')).pid).not.toBe(before.pid);
  });
});

test('a dependent with `restart: true` is restarted after what it depends on, the others are not', async () => {
  const services = {
    db: { ...okay, healthcheck: hasOk, restart: 'always' },
    api: { ...idle, dependsOn: { db: { condition: 'healthy', restart: true } } },
    web: { ...idle, dependsOn: { api: { restart: true } } },
    other: { ...idle, dependsOn: { db: 'healthy' } },
  };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    using heard = await listen(p);
    const pids = async () => new Map((await p.ps()).map(({ name, pid }) => [name, pid]));
    const breakages: Record<string, () => Promise<unknown>> = {
      'it is unhealthy': () => inside(p, 'db', 'rm /ok'),
      'it has ended': () => p.tsstack(['exec', '-T', 'db', 'sh', '-c', 'kill $(pidof sleep)']),
      'it is restarted by hand': () => p.ok(['restart', 'db']),
      'its init was killed': async () => process.kill((await pids()).get('db-1') ?? 0, 'SIGKILL'),
    };
    for (const [why, breakIt] of Object.entries(breakages)) {
      const before = await pids();
      heard.clear();
      await breakIt();
      for (const name of ['db-1', 'api-1', 'web-1']) await heard.hears('container.started', ({ container }) => container === name);
      const order = heard.of('container.started').map(({ container }) => container);
      expect(order, why).toEqual(['db-1', 'api-1', 'web-1']);
      expect(
        heard.of('drift').map(({ resource }) => resource),
        why,
      ).toEqual(why === 'its init was killed' ? ['container:shop/db-1'] : []);
      const healthyAt = heard.events.findIndex((event) => event.type === 'container.health' && event.health === 'healthy');
      const apiAt = heard.events.findIndex((event) => event.type === 'container.started' && event.container === 'api-1');
      expect(healthyAt, why).toBeGreaterThanOrEqual(0);
      expect(healthyAt, `${why}: it is healthy before api starts`).toBeLessThan(apiAt);
      const after = await pids();
      for (const name of ['db-1', 'api-1', 'web-1']) expect(after.get(name), `${why}: ${name}`).not.toBe(before.get(name));
      expect(after.get('other-1'), why).toBe(before.get('other-1'));
      expect((await p.ok(['plan'])).stdout, why).not.toMatch(/->/);
    }
  });
});

test('a chain of five starts in its order, each when the one before is healthy', async () => {
  const names = ['e', 'd', 'c', 'b', 'a'];
  const services = Object.fromEntries(
    names.map((name, index) => {
      const before = names[index - 1];
      // Half a minute would pass if the next probe were waited for anywhere.
      const healthcheck = { test: 'true', interval: '30s', startInterval: '30s' };
      return [name, { ...idle, healthcheck, ...(before === undefined ? {} : { dependsOn: { [before]: 'healthy' } }) }];
    }),
  );
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d', '--wait', '--wait-timeout', '20']);
    const started = new Map((await p.ps()).map(({ name, startedAt }) => [name, startedAt ?? 0]));
    for (const [index, name] of names.entries()) {
      const before = names[index - 1];
      if (before !== undefined)
        expect(started.get(`${name}-1`)).toBeGreaterThanOrEqual(started.get(`${before}-1`) ?? Number.POSITIVE_INFINITY);
    }
  });
});

test('a new supervisor goes on with the health of what it adopts', async () => {
  await withProject(only({ services: { web: { ...okay, healthcheck: hasOk } } }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    const { pid } = await p.container('web-1');
    await killSupervisor(p);
    const adopted = await until('it is known to be healthy', () => p.container('web-1'), { holds: ({ health }) => health === 'healthy' });
    expect(adopted.pid).toBe(pid);
    using heard = await listen(p);
    await inside(p, 'web', 'rm /ok');
    await heard.hears('container.restarting', ({ container }) => container === 'web-1');
  });
});
