/** SIGKILL before and after every step of every kind of plan: the next command reaches what a run without a crash reaches. */
import { expect, test } from 'vitest';
import { idle, page, type StackShape, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const shape = (web: Readonly<Record<string, unknown>> = {}, rest: Partial<StackShape> = {}): Record<string, string> => ({
  'stack.config.ts': stackFile({
    services: {
      db: { ...idle, volumes: ['data:/data'], networks: ['back'], limits: { pids: 50 } },
      web: { ...page, ports: ['18080:80'], dependsOn: ['db'], networks: ['front', 'back'], ...web },
    },
    networks: { front: {}, back: { internal: true } },
    volumes: { data: {} },
    ...rest,
  }),
});

async function stepsOf(p: Project): Promise<number[]> {
  const { stdout } = await p.tsstack(['plan', '--json']);
  return (JSON.parse(stdout) as { steps: { id: number }[] }).steps.map(({ id }) => id);
}

const runningPids = async (p: Project) =>
  new Map((await p.ps()).filter(({ state }) => state === 'running').map(({ name, pid }) => [name, pid]));

/** Killed at a step; what ran then must run on, with its pid, when the next `up` has completed it. */
async function killedThenCompleted(p: Project, where: string): Promise<void> {
  expect((await p.tsstack(['up', '-d'], { env: { TSSTACK_FAILPOINTS: `${where}=kill` } })).code, where).toBe(137);
  const survivors = await runningPids(p);
  await p.ok(['up', '-d']);
  const after = await runningPids(p);
  expect([...after.keys()].sort(), where).toEqual(['db-1', 'web-1']);
  for (const [name, pid] of survivors) expect([where, name, after.get(name)]).toEqual([where, name, pid]);
  const plan = await p.tsstack(['plan']);
  expect([where, plan.code, plan.stdout]).toEqual([where, 0, expect.not.stringContaining('->')]);
}

test('a first up that is killed at any step is completed by the next up', async () => {
  await withProject(shape(), async (p) => {
    for (const id of await stepsOf(p)) {
      await killedThenCompleted(p, id % 2 === 0 ? `#${id}` : `#${id}.after`);
      await p.ok(['down', '--volumes']);
    }
  });
}, 120_000);

test('a first up that is killed at any step is undone by down', async () => {
  await withProject(shape(), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['down']);
    const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
    for (const id of await stepsOf(p)) {
      const where = id % 2 === 1 ? `#${id}` : `#${id}.after`;
      expect((await p.tsstack(['up', '-d'], { env: { TSSTACK_FAILPOINTS: `${where}=kill` } })).code, where).toBe(137);
      await p.ok(['down']);
      await expectSameWorld(before, { directories: [p.stateDirectory, p.runDirectory] });
    }
  });
}, 120_000);

test('a change that is killed at any step is completed by the next up, and what did not change runs on', async () => {
  await withProject(shape(), async (p) => {
    const changed = shape({
      command: ['sh', '-c', 'echo changed > /www/index.html; exec httpd -f -p 80 -h /www'],
      ports: ['18081:80'],
      limits: { pids: 60 },
    });
    await p.ok(['up', '-d']);
    const db = (await runningPids(p)).get('db-1');
    p.write(changed);
    const steps = await stepsOf(p);
    for (const id of steps) {
      p.write(shape());
      await p.ok(['up', '-d']);
      p.write(changed);
      const where = id % 2 === 0 ? `#${id}` : `#${id}.after`;
      expect((await p.tsstack(['up', '-d'], { env: { TSSTACK_FAILPOINTS: `${where}=kill` } })).code, where).toBe(137);
      await p.ok(['up', '-d']);
      expect([where, (await p.tsstack(['plan'])).code]).toEqual([where, 0]);
      expect([where, (await runningPids(p)).get('db-1')]).toEqual([where, db]);
    }
  });
}, 120_000);

test('a down that is killed at any step is finished by the next', async () => {
  await withProject(shape(), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['down']);
    const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
    for (let id = 1; ; id++) {
      await p.ok(['up', '-d']);
      const { code } = await p.tsstack(['down'], { env: { TSSTACK_FAILPOINTS: `#${id}=kill` } });
      await p.ok(['down']);
      await expectSameWorld(before, { directories: [p.stateDirectory, p.runDirectory] });
      if (code === 0) break;
      expect(code, `#${id}`).toBe(137);
    }
  });
}, 120_000);

test('a step that fails once is told, and the next up does what is left', async () => {
  await withProject(shape(), async (p) => {
    for (const kind of ['link.create', 'firewall.replace', 'cgroup.create', 'container.create', 'container.start', 'address.add']) {
      const up = await p.tsstack(['up', '-d'], { env: { TSSTACK_FAILPOINTS: `${kind}=1*error(EBUSY)` } });
      expect([kind, up.code, up.stderr]).toEqual([kind, 1, expect.stringContaining(`failpoint ${kind}: EBUSY`)]);
      await p.ok(['up', '-d']);
      expect([...(await runningPids(p)).keys()].sort()).toEqual(['db-1', 'web-1']);
      await p.ok(['down']);
    }
  });
}, 120_000);
