import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const job = (script: string, more: object = {}) => ({ kind: 'job', command: ['sh', '-c', script], ...more });

test('a job completes before what depends on it starts, and is not run again', async () => {
  const stack = only({
    services: {
      migrate: job('echo migrating; echo done >> /data/runs', { volumes: ['data:/data'] }),
      api: { ...idle, volumes: ['data:/data'], dependsOn: { migrate: 'completed' } },
    },
    volumes: { data: {} },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d', '--wait']);
    const runs = async () => (await p.ok(['exec', '-T', 'api', 'cat', '/data/runs'])).stdout;
    expect(await runs()).toBe('done\n');
    const migrate = await p.container('migrate-1');
    const api = await p.container('api-1');
    expect(migrate).toMatchObject({ kind: 'job', state: 'stopped', exit: { code: 0 } });
    expect(api.startedAt ?? 0).toBeGreaterThanOrEqual(migrate.finishedAt ?? Number.POSITIVE_INFINITY);

    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(await runs()).toBe('done\n');
    expect((await p.ok(['logs', 'migrate'])).stdout).toMatch(/migrating/);
  });
});

test('a job whose inputs changed, or that says `always`, is run again', async () => {
  const stack = (color: string) =>
    only({
      services: {
        once: job('echo once >> /data/runs', { volumes: ['data:/data'], environment: { color } }),
        always: job('echo always >> /data/runs', { volumes: ['data:/data'], rerun: 'always', dependsOn: { once: 'completed' } }),
        look: { ...idle, volumes: ['data:/data'], dependsOn: { always: 'completed' } },
      },
      volumes: { data: {} },
    });
  await withProject(stack('red'), async (p) => {
    const runs = async () => (await p.ok(['exec', '-T', 'look', 'cat', '/data/runs'])).stdout.trim().split('\n');
    await p.ok(['up', '-d', '--wait']);
    expect(await runs()).toEqual(['once', 'always']);
    await p.ok(['up', '-d', '--wait']);
    expect(await runs()).toEqual(['once', 'always', 'always']);
    p.write(stack('blue'));
    await p.ok(['up', '-d', '--wait']);
    expect(await runs()).toEqual(['once', 'always', 'always', 'once', 'always']);
  });
});

test('a job that fails keeps its dependents from starting; the next up tries again', async () => {
  const stack = (code: number) =>
    only({
      services: {
        migrate: job(`echo no such table >&2; exit ${code}`),
        api: { ...idle, dependsOn: { migrate: 'completed' } },
        other: idle,
      },
    });
  await withProject(stack(3), async (p) => {
    const up = await p.tsstack(['up', '-d', '--wait']);
    expect([1, 18]).toContain(up.code);
    expect(up.stderr).toMatch(/`migrate(-1)?`.*3/);
    expect(await p.container('migrate-1')).toMatchObject({ state: 'stopped', exit: { code: 3 } });
    expect((await p.ps()).find(({ name }) => name === 'api-1')?.state ?? 'creating').not.toBe('running');
    expect(await p.container('other-1'), 'what does not depend on it goes on').toMatchObject({ state: 'running' });

    p.write(stack(0));
    await p.ok(['up', '-d', '--wait']);
    expect(await p.container('api-1')).toMatchObject({ state: 'running' });
  });
});

test('`healthy` waits for the first probe that succeeds', async () => {
  const stack = only({
    services: {
      db: {
        command: ['sh', '-c', 'while [ ! -e /go ]; do sleep 0.05; done; touch /healthy; exec sleep 1000000'],
        healthcheck: { test: ['CMD', 'test', '-e', '/healthy'], interval: '1s', timeout: '2s', startInterval: '50ms', startPeriod: '30s' },
      },
      api: { ...idle, dependsOn: { db: 'healthy' } },
    },
  });
  await withProject(stack, async (p) => {
    const up = p.start(['up', '-d']);
    await until('db runs', () => p.container('db-1'), { holds: ({ state }) => state === 'running' });
    expect((await p.ps()).find(({ name }) => name === 'api-1')?.state ?? 'creating').not.toBe('running');
    expect(up.process.exitCode).toBeNull();
    await p.ok(['exec', '-T', 'db', 'touch', '/go']);
    expect(await up.ended).toBe(0);
    expect(await p.container('api-1')).toMatchObject({ state: 'running' });
  });
});

test('a dependency that turns out unhealthy, or takes too long, ends the up with a message', async () => {
  const db = (healthcheck: object) => only({ services: { db: { ...idle, healthcheck }, api: { ...idle, dependsOn: { db: 'healthy' } } } });
  const never = {
    test: ['CMD-SHELL', 'echo still broken; exit 1'],
    interval: '50ms',
    startInterval: '50ms',
    timeout: '2s',
    retries: 2,
    startPeriod: '0s',
  };
  await withProject(db(never), async (p) => {
    const unhealthy = await p.tsstack(['up', '-d', '--wait']);
    expect([1, 18]).toContain(unhealthy.code);
    expect(unhealthy.stderr).toMatch(/`db(-1)?`.*unhealthy/);

    p.write(db({ ...never, startPeriod: '10m' }));
    const late = await p.tsstack(['up', '-d', '--wait', '--wait-timeout', '1']);
    expect(late.code).toBe(17);
    expect(late.stderr).toMatch(/`db(-1)?`/);
  });
});
