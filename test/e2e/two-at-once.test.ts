/** Commands that meet: the stack is what one of them wanted, whole, or one is refused and says why. */
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { lives, supervisorProcesses, supervisors } from '../support/past-tsstack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const web = { ...page, ports: ['18080:80'] };
const pair = only({ services: { web, worker: idle } });
/** Of a stop signal it knows nothing. */
const deaf = { command: ['sh', '-c', 'trap "" TERM; while true; do sleep 0.1; done'], stopGracePeriod: '1s' };
/** Never healthy, and never given up: an `up` waits for it until something else happens. */
const never = { ...idle, healthcheck: { test: ['CMD', 'false'], interval: '1h', startInterval: '1h', startPeriod: '10h' } };

const running = async (p: Project) => (await p.ps()).filter(({ state }) => state === 'running').map(({ name }) => name);

test('two ups at once from nothing both succeed, and bring the stack up once', async () => {
  await withProject(pair, async (p) => {
    const results = await Promise.all([p.ok(['up', '-d']), p.ok(['up', '-d'])]);
    expect(results.map(({ stderr }) => /nothing to change/.test(stderr)).sort()).toEqual([false, true]);
    expect(await running(p)).toEqual(['web-1', 'worker-1']);
    expect((await p.ps()).map(({ restarts }) => restarts)).toEqual([0, 0]);
    expect((await p.tsstack(['plan'])).code).toBe(0);
    expect(supervisors(p)).toHaveLength(1);
    await until('the supervisor that was not needed has ended', supervisorProcesses, { holds: (pids) => pids.length === 1 });
  });
});

test('two ups at once with different changes are carried out one after the other', async () => {
  await withProject(pair, async (p) => {
    const slow = { env: { TSSTACK_FAILPOINTS: 'container.create=delay(300)' } };
    await p.ok(['up', '-d'], slow);
    const before = lives(p);
    p.write(only({ services: { web, worker: { ...idle, environment: { COLOR: 'red' } } } }));
    const first = p.start(['up', '-d', '--verbose']);
    await first.says(/container\.create/);
    p.write(only({ services: { web, worker: { ...idle, environment: { COLOR: 'blue' } } } }));
    await p.ok(['up', '-d']);
    expect(await first.ended).toBe(0);
    expect((await p.ok(['exec', '-T', 'worker', 'sh', '-c', 'echo $COLOR'])).stdout).toBe('blue\n');
    expect((await p.tsstack(['plan'])).code).toBe(0);
    expect(lives(p).get('web-1')).toBe(before.get('web-1'));
  });
});

test('down cuts an up short, which says so; nothing is left', async () => {
  await withProject(only({ services: { web, db: never, api: { ...idle, dependsOn: { db: 'healthy' } } } }), async (p) => {
    const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
    for (const argv of [['up', '-d'], ['up'], ['up', '-d', '--wait']]) {
      const up = p.start(argv);
      await until('what needs not wait runs', () => lives(p), { holds: (now) => now.size === 2 });
      await p.ok(['down']);
      expect(await up.ended).toBe(130);
      expect(up.output()).toMatch(/error: cancelled: the stack is being taken down/);
      await expectSameWorld(before, { directories: [p.stateDirectory, p.runDirectory] });
    }
  });
});

test('an up during a down waits for its end, and brings everything up anew', async () => {
  await withProject(only({ services: { web, slow: deaf } }), async (p) => {
    await p.ok(['up', '-d']);
    const before = lives(p);
    const down = p.start(['down', '--verbose']);
    await until('it has begun', () => lives(p), { holds: (now) => now.size < 2 });
    await p.ok(['up', '-d']);
    expect(await down.ended).toBe(0);
    expect(await running(p)).toEqual(['slow-1', 'web-1']);
    for (const [name, life] of lives(p)) expect(life).not.toBe(before.get(name));
    expect((await p.tsstack(['plan'])).code).toBe(0);
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
  });
});

test('an up and a down at the very same time leave all of the stack or none of it', async () => {
  await withProject(pair, async (p) => {
    const options = { directories: [p.stateDirectory, p.runDirectory] };
    const nothing = snapshotWorld(options);
    for (let round = 1; round <= 5; round++) {
      if (round % 2 === 0) await p.ok(['up', '-d']);
      const [up] = await Promise.all([p.tsstack(['up', '-d']), p.ok(['down'])]);
      if (up.code !== 0)
        expect([round, up.stderr]).toEqual([
          round,
          expect.stringMatching(/cancelled: the stack is being taken down|locked|is working on it/),
        ]);
      const names = await running(p);
      expect([[], ['web-1', 'worker-1']]).toContainEqual(names);
      if (names.length > 0) expect([round, (await p.tsstack(['plan'])).code]).toEqual([round, 0]);
      await p.ok(['down']);
      await expectSameWorld(nothing, options);
    }
  });
});

test('a stop during an up comes after it', async () => {
  await withProject(pair, async (p) => {
    const up = p.start(['up', '-d', '--verbose']);
    await up.says(/container\.create/);
    await p.ok(['stop']);
    expect(await up.ended).toBe(0);
    expect((await p.ps()).map(({ name, state, reason }) => [name, state, reason])).toEqual([
      ['web-1', 'stopped', 'stopped on request'],
      ['worker-1', 'stopped', 'stopped on request'],
    ]);
  });
});

test('two downs at once are one', async () => {
  await withProject(only({ services: { web, slow: deaf } }), async (p) => {
    await p.ok(['up', '-d']);
    await Promise.all([p.ok(['down']), p.ok(['down'])]);
    expect(await p.ps()).toEqual([]);
  });
});

/** Without ports: each instance would want the same ones. */
const copies = {
  'stack.config.ts': `import { defineStack, rootfs } from 'tsstack';
export default defineStack(({ instance }) => ({
  name: 'shop',
  services: {
    web: { image: rootfs('./rootfs'), command: ['sh', '-c', 'echo ' + instance + ' > /data/mark; exec sleep 1000000'], volumes: ['data:/data'] },
  },
  volumes: { data: {} },
}));
`,
};

test('five instances of one stack come up and go at once, with networks, addresses and volumes of their own', async () => {
  await withProject(copies, async (p) => {
    const names = ['one', 'two', 'three', 'four', 'five'];
    const all = <T>(work: (of: readonly string[], name: string) => Promise<T>) =>
      Promise.all(names.map((name) => work(['--instance', name], name)));
    await all((of) => p.ok(['up', '-d', ...of]));
    expect(supervisors(p)).toHaveLength(5);
    const addresses = await all(async (of) => {
      const [listing] = JSON.parse((await p.ok(['ps', '--json', ...of])).stdout);
      return `${listing.addresses.default}`;
    });
    expect(new Set(addresses.map((address) => address.split('.').slice(0, 3).join('.'))).size, 'five subnets').toBe(5);
    const marks = await all(async (of) => (await p.ok(['exec', ...of, '-T', 'web', 'cat', '/data/mark'])).stdout);
    expect(marks).toEqual(names.map((name) => `${name}\n`));
    await all((of) => p.ok(['down', '--volumes', ...of]));
    expect(supervisors(p)).toEqual([]);
  });
});

test('two stacks of one name in two directories come up and go at once without meeting', async () => {
  const stack = (port: number) => only({ name: 'twin', services: { web: { ...page, ports: [`${port}:80`] } } });
  const other = Object.entries(stack(18081)).map(([name, text]) => [`other/${name}`, text.replaceAll('./rootfs', '../rootfs')]);
  await withProject({ ...stack(18080), ...Object.fromEntries(other) }, async (p) => {
    const there = { cwd: `${p.directory}/other` };
    await Promise.all([p.ok(['up', '-d']), p.ok(['up', '-d'], there)]);
    expect(supervisors(p)).toHaveLength(2);
    for (const port of [18080, 18081])
      expect((await until('the page answers', () => http(`http://127.0.0.1:${port}/`))).body).toBe('web-1\n');
    const here = await p.ps();
    await p.ok(['down'], there);
    expect(await p.ps()).toEqual(here);
    expect((await http('http://127.0.0.1:18080/')).body).toBe('web-1\n');
    expect(supervisors(p)).toHaveLength(1);
  });
});
