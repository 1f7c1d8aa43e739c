import { expect, test } from 'vitest';
import { idle, only } from '../support/stack-file.ts';
import { launchersOf, listen } from '../support/supervised.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const GREEDY = 'x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done';
const limited = { ...idle, limits: { memory: '16MiB', swap: 0 } };

test('a process that is killed for want of memory is told at once, and its container goes on', async () => {
  await withProject(only({ services: { web: limited, db: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const before = await p.container('web-1');
    using heard = await listen(p);
    for (const _ of [1, 2]) {
      heard.clear();
      await p.ok(['exec', '-T', 'web', 'sh', '-c', GREEDY], { code: 137 });
      expect(await heard.hears('container.oom')).toMatchObject({ container: 'web-1', kills: 1 });
    }
    expect(await p.container('web-1')).toMatchObject({ pid: before.pid, state: 'running' });
    expect(heard.of('drift')).toEqual([]);
  });
});

test('a limit that a running container is given in place is watched like one it was born with', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const { pid } = await p.container('web-1');
    p.write(only({ services: { web: limited } }));
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    await p.ok(['exec', '-T', 'web', 'sh', '-c', GREEDY], { code: 137 });
    expect(await heard.hears('container.oom')).toMatchObject({ container: 'web-1', kills: 1 });
    expect((await p.container('web-1')).pid).toBe(pid);
  });
});

test('one that ends of it is told as both, once each', async () => {
  const command = ['sh', '-c', `until [ -e /go ]; do sleep 0.01; done; rm /go; ${GREEDY}`];
  await withProject(only({ services: { web: { ...limited, command, restart: 'always' }, db: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    await p.ok(['exec', '-T', 'web', 'touch', '/go']);
    await heard.hears('container.started');
    expect(heard.of('container.oom')).toEqual([expect.objectContaining({ container: 'web-1', kills: 1 })]);
    expect(heard.of('container.exited')).toEqual([expect.objectContaining({ container: 'web-1', oomKilled: true })]);
  });
});

test('it is told under another launcher too, and nothing of before is told again', async () => {
  await withProject(only({ services: { web: limited } }), async (p) => {
    await p.ok(['up', '-d']);
    using heard = await listen(p);
    const die = () => p.ok(['exec', '-T', 'web', 'sh', '-c', GREEDY], { code: 137 });
    await die();
    await heard.hears('container.oom');
    heard.clear();
    const [launcher] = launchersOf(heard.pid);
    if (launcher === undefined) throw new Error('the supervisor has no launcher');
    process.kill(launcher, 'SIGKILL');
    await until('it has another one', () => launchersOf(heard.pid), { holds: (now) => now.length === 1 && !now.includes(launcher) });
    await die();
    await heard.hears('container.oom');
    expect(heard.of('container.oom')).toEqual([expect.objectContaining({ kills: 1 })]);
  });
});
