import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, only, page, stackFile } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { snapshotWorld } from '../support/world.ts';

const web = { ...page, ports: ['18080:80'] };
/** Of a stop signal it knows nothing. */
const deaf = { command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.1; done'] };
const shop = (services: Record<string, Record<string, unknown>>) => ({ services: { web, worker: idle, ...services } });

test('a stack comes up, answers, is up to date, and goes without a trace', async () => {
  await withProject(only(shop({})), async (p) => {
    const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
    expect((await p.tsstack(['plan'])).code).toBe(10);
    expect(snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] }).link, '`plan` changes nothing').toEqual(before.link);

    const up = await p.ok(['up', '-d']);
    expect(up.stderr).toMatch(/up: 2 containers started in \d/);
    expect(up.stdout).toBe('');
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');

    const listed = await p.ps();
    expect(listed.map(({ name, fullName, state }) => ({ name, fullName, state }))).toEqual([
      { name: 'web-1', fullName: 'shop-web-1', state: 'running' },
      { name: 'worker-1', fullName: 'shop-worker-1', state: 'running' },
    ]);
    expect(listed[0]?.ports).toEqual(['127.0.0.1:18080->80/tcp', '[::1]:18080->80/tcp']);
    expect((await p.ok(['ps'])).stdout).toMatch(/web-1 .*running/);

    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
    expect(await p.ps(), 'a second `up` restarts nothing').toEqual(listed);
    expect((await p.tsstack(['plan'])).code).toBe(0);
    expect(JSON.parse((await p.tsstack(['plan', '--json'])).stdout)).toMatchObject({ stack: 'shop', steps: [] });

    await p.ok(['down']);
    expect(await p.ps()).toEqual([]);
    await expect(http('http://127.0.0.1:18080/')).rejects.toThrow('ECONNREFUSED');
    expect((await p.ok(['down'])).code, '`down` of nothing is no error').toBe(0);
  });
});

test('a plan is stable text with a cause for each step', async () => {
  await withProject(only(shop({})), async (p) => {
    const first = await p.tsstack(['plan']);
    const second = await p.tsstack(['plan']);
    expect(first.stdout).toBe(second.stdout);
    expect(first.stdout).toMatch(/-> #\d+ link:shop\/default, link\.create, not found/);
    expect(first.stdout).toMatch(/-> #\d+ container:shop\/web-1, container\.create, /);
  });
});

test('a change of one service touches only that service, and the plan says why', async () => {
  await withProject(only(shop({})), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    const workerBefore = await p.container('worker-1');
    p.write(only(shop({ worker: { ...idle, environment: { COLOR: 'blue' } } })));

    const plan = await p.ok(['plan'], { code: 10 });
    expect(plan.stdout).toMatch(/container:shop\/worker-1, container\.create, .*environment/);
    expect(plan.stdout).not.toMatch(/shop\/web-1/);
    await p.ok(['up', '-d']);
    expect(await p.container('web-1')).toEqual(before);
    expect((await p.container('worker-1')).pid).not.toBe(workerBefore.pid);
    expect((await p.ok(['exec', '-T', 'worker', 'sh', '-c', 'echo $COLOR'])).stdout).toBe('blue\n');
  });
});

test('replicas are added and taken away at the end, the first stay', async () => {
  await withProject(only(shop({})), async (p) => {
    await p.ok(['up', '-d']);
    const first = await p.container('worker-1');
    p.write(only(shop({ worker: { ...idle, replicas: 3 } })));
    await p.ok(['up', '-d']);
    expect((await p.ps()).map(({ name }) => name)).toEqual(['web-1', 'worker-1', 'worker-2', 'worker-3']);
    expect(await p.container('worker-1')).toEqual(first);

    p.write(only(shop({ worker: { ...idle, replicas: 1 } })));
    await p.ok(['up', '-d']);
    expect((await p.ps()).map(({ name }) => name)).toEqual(['web-1', 'worker-1']);
    expect(await p.container('worker-1')).toEqual(first);
  });
});

test('a service that is no longer declared goes, `--force-recreate` replaces all', async () => {
  await withProject(only(shop({})), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    p.write(only({ services: { web } }));
    await p.ok(['up', '-d']);
    expect((await p.ps()).map(({ name }) => name)).toEqual(['web-1']);
    expect(await p.container('web-1')).toEqual(before);

    await p.ok(['up', '-d', '--force-recreate']);
    expect((await p.container('web-1')).pid).not.toBe(before.pid);
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).status).toBe(200);
  });
});

test('a container that somebody killed is started again at once, the others are left alone', async () => {
  await withProject(only(shop({})), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('worker-1');
    const web1 = await p.container('web-1');
    if (before.pid === undefined) throw new Error('worker-1 has no pid');
    process.kill(before.pid, 'SIGKILL');
    const after = await until('it runs again', () => p.container('worker-1'), {
      holds: ({ state, pid }) => state === 'running' && pid !== before.pid,
    });
    expect(after.restarts).toBe(1);
    expect(await p.container('web-1')).toEqual(web1);
    expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
  });
});

test('`config` prints the stack in long form, from any directory below it', async () => {
  await withProject({ ...only(shop({})), 'deep/er/file': '' }, async (p) => {
    const { stdout } = await p.ok(['config', '--json'], { cwd: `${p.directory}/deep/er` });
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'shop',
      services: {
        web: {
          replicas: 1,
          ports: [{ hostAddresses: ['127.0.0.1', '::1'], hostPorts: { first: 18080, last: 18080 }, containerPort: 80, protocol: 'tcp' }],
        },
      },
    });
    await p.ok(['check']);
  });
});

test('only the services named come up, with what they depend on', async () => {
  const files = { 'stack.config.ts': stackFile({ services: { db: idle, api: { ...idle, dependsOn: ['db'] }, other: idle } }) };
  await withProject(files, async (p) => {
    await p.ok(['up', '-d', 'api']);
    expect((await p.ps()).map(({ name }) => name).sort()).toEqual(['api-1', 'db-1']);
  });
});

test('what `down` has removed stays away, whatever an attached up would restart', async () => {
  await withProject(
    only({ services: { web: { ...idle, restart: 'always' }, slow: { ...deaf, restart: 'always', stopGracePeriod: '1s' } } }),
    async (p) => {
      const up = p.start(['up']);
      await up.says(/^up: /m);
      await p.ok(['down']);
      expect(await up.ended).toBe(0);
      expect(await p.ps()).toEqual([]);
    },
  );
});

test('an up of some services waits for them and stops them, and leaves the others alone', async () => {
  await withProject(only({ services: { web: idle, db: idle, late: idle } }), async (p) => {
    await p.ok(['up', '-d', 'db']);
    const db = await p.container('db-1');
    await p.ok(['up', '-d', '--wait', 'web']);
    const up = p.start(['up', 'web']);
    await up.says('up to date');
    up.signal('SIGINT');
    expect(await up.ended).toBe(130);
    expect(await p.container('web-1')).toMatchObject({ state: 'stopped' });
    expect(await p.container('db-1')).toEqual(db);
  });
});

test('what containers write on the host is for root alone', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    expect((statSync(`${p.stateDirectory}/stacks`).mode & 0o777).toString(8)).toBe('700');
  });
});
