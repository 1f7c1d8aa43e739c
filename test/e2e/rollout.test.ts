/** Replicas that are made anew take turns, and a bad new version stops that. */
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { only } from '../support/stack-file.ts';
import { type Listening, listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** Says its version; of version `bad` nothing is served. */
const web = (version: string, more: Readonly<Record<string, unknown>> = {}) =>
  only({
    services: {
      web: {
        command: ['sh', '-c', '[ $VERSION = bad ] && exec sleep 1000000; echo $VERSION > /www/index.html; exec httpd -f -p 80 -h /www'],
        environment: { VERSION: version },
        healthcheck: { http: '80/index.html', interval: '50ms', startInterval: '20ms', startPeriod: '0s', retries: 3, timeout: '2s' },
        ports: ['18080:80'],
        replicas: 3,
        stopGracePeriod: '1s',
        ...more,
      },
    },
  });

const pids = async (p: Project) => new Map((await p.ps()).map(({ name, pid }) => [name, pid]));

/** The most that were ready, and the fewest, at any moment of what was heard; `before` of them were. */
function readyOf(heard: Listening, before: readonly string[]): { readonly fewest: number; readonly most: number } {
  const ready = new Set(before);
  let [fewest, most] = [ready.size, ready.size];
  for (const event of heard.events) {
    if (event.type === 'container.health' && event.health === 'healthy') ready.add(event.container);
    else if (event.type === 'container.exited') ready.delete(event.container);
    fewest = Math.min(fewest, ready.size);
    most = Math.max(most, ready.size);
  }
  return { fewest, most };
}

for (const { order, parallelism, fewest, most } of [
  { order: 'stop-first', parallelism: 1, fewest: 2, most: 3 },
  { order: 'stop-first', parallelism: 2, fewest: 1, most: 3 },
  { order: 'start-first', parallelism: 1, fewest: 3, most: 4 },
  { order: 'start-first', parallelism: 2, fewest: 3, most: 5 },
] as const) {
  test(`${order}, ${parallelism} at a time: never fewer than ${fewest} are ready, and never more than ${most}`, async () => {
    const update = { update: { order, parallelism } };
    await withProject(web('one', update), async (p) => {
      await p.ok(['up', '-d', '--wait']);
      const before = await pids(p);
      using heard = await listen(p);
      p.write(web('two', update));
      await p.ok(['up', '-d', '--wait']);
      expect([...(await pids(p)).keys()]).toEqual(['web-1', 'web-2', 'web-3']);
      for (const [name, pid] of await pids(p)) expect(pid, name).not.toBe(before.get(name));
      expect(readyOf(heard, [...before.keys()])).toEqual({ fewest, most });
      const seen = new Set<string>();
      for (let i = 0; i < 6; i++) seen.add((await http('http://127.0.0.1:18080/')).body);
      expect([...seen]).toEqual(['two\n']);
      expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
    });
  });
}

for (const { order, replicas, kept } of [
  { order: 'stop-first', replicas: 3, kept: ['web-2', 'web-3'] },
  { order: 'start-first', replicas: 3, kept: ['web-1', 'web-2', 'web-3'] },
  { order: 'start-first', replicas: 1, kept: ['web-1'] },
] as const) {
  test(`${order} with ${replicas}: a version that never gets healthy stops the roll-out, and the old ones go on`, async () => {
    const update = { update: { order, parallelism: 1 }, replicas };
    await withProject(web('one', update), async (p) => {
      await p.ok(['up', '-d', '--wait']);
      const before = await pids(p);
      p.write(web('bad', update));
      const failed = await p.tsstack(['up', '-d']);
      expect([1, 18]).toContain(failed.code);
      expect(failed.stderr).toMatch(/web-\d`?.*unhealthy/);
      const after = await pids(p);
      for (const name of kept) expect(after.get(name), name).toBe(before.get(name));
      expect([...after.keys()], 'no more of them than declared').toEqual([...before.keys()]);
      expect((await until('an old one answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body).toBe('one\n');

      p.write(web('two', update));
      await p.ok(['up', '-d', '--wait']);
      expect((await http('http://127.0.0.1:18080/')).body).toBe('two\n');
      expect((await p.ok(['plan'])).stdout).not.toMatch(/->/);
    });
  });
}

test('what is killed while a roll-out is stopped comes back in the version it had', async () => {
  const update = { update: { order: 'start-first', parallelism: 1 }, replicas: 2 };
  await withProject(web('one', update), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    p.write(web('bad', update));
    await p.tsstack(['up', '-d']);
    using heard = await listen(p);
    for (const [name, pid] of await pids(p)) {
      process.kill(pid ?? 0, 'SIGKILL');
      await heard.hears('container.started', ({ container }) => container === name);
      await heard.hears('container.health', ({ container, health }) => container === name && health === 'healthy');
    }
    expect((await until('it answers', () => http('http://127.0.0.1:18080/', { timeoutMs: 500 }))).body).toBe('one\n');
  });
});
