/**
 * SIGKILL to the supervisor before and after every step of every kind of plan: the command that waits for it says so, what runs goes on,
 * and the next command reaches exactly what a run without a crash reaches. `npm test` takes a step of each kind; with
 * TSSTACK_EVERY_STEP=1, as `npm run soak` has it, it is every single one.
 */
import { expect, test } from 'vitest';
import { killSupervisors, lives, shape, supervisors } from '../support/past-tsstack.ts';
import { idle, page, type StackShape, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const shop = (services: StackShape['services'] = {}): Record<string, string> => ({
  'stack.config.ts': stackFile({
    services: {
      db: { ...idle, volumes: ['data:/data'], networks: ['back'], limits: { pids: 50 } },
      web: { ...page, ports: ['18080:80'], dependsOn: ['db'], networks: ['front', 'back'] },
      ...services,
    },
    networks: { front: {}, back: { internal: true } },
    volumes: { data: {} },
  }),
});
const changed = shop({
  web: {
    command: ['sh', '-c', 'echo changed > /www/index.html; exec httpd -f -p 80 -h /www'],
    ports: ['18081:80'],
    dependsOn: ['db'],
    networks: ['front', 'back'],
    limits: { pids: 60 },
  },
});
const scaled = (replicas: number) => shop({ worker: { ...idle, networks: ['back'], replicas } });

const everyStep = process.env['TSSTACK_EVERY_STEP'] === '1';
const long = { timeoutMs: 280_000 };
const LONG = 300_000;

/** As failpoints: before the first and after the last step of each kind in the plan that `up` would make now, or before and after each step. */
async function points(p: Project): Promise<string[]> {
  const { stdout } = await p.tsstack(['plan', '--json']);
  const { steps } = JSON.parse(stdout) as { steps: { id: number; op: string }[] };
  expect(steps.length, 'there is something to be killed in').toBeGreaterThan(0);
  if (everyStep) return steps.flatMap(({ id }) => [`#${id}`, `#${id}.after`]);
  return [...new Set(steps.map(({ op }) => op))].flatMap((op) => {
    const ofKind = steps.filter((step) => step.op === op);
    return [`#${ofKind[0]?.id}`, `#${ofKind.at(-1)?.id}.after`];
  });
}

/** The supervisor that carries the command out is killed there. A supervisor that is there has an environment of its own, so it goes first. */
async function crash(p: Project, argv: readonly string[], where: string): Promise<void> {
  await killSupervisors(p);
  const { code, stderr } = await p.tsstack(argv, { env: { TSSTACK_FAILPOINTS: `${where}=kill` } });
  expect([where, code, stderr]).toEqual([
    where,
    1,
    expect.stringContaining('error: the supervisor ended before it had answered\n  hint: '),
  ]);
  expect([where, supervisors(p)]).toEqual([where, []]);
}

/** What its supervisor brings it to: `whole`, or what it was when that was waited for in vain. */
async function settledShape(p: Project, whole: unknown): Promise<unknown> {
  await p.ps();
  await until('both run', () => lives(p), { holds: (now) => now.size === 2 });
  let last: unknown;
  const look = async () => {
    last = await shape(p);
    return JSON.stringify(last) === JSON.stringify(whole);
  };
  // In vain: what it is says more than that it was waited for.
  await until('it is whole', look).catch(() => undefined);
  return last;
}

/** What ran after the crash and is as it should be runs on. */
function expectUntouched(p: Project, survivors: ReadonlyMap<string, string>, where: string): void {
  const now = lives(p);
  for (const [name, life] of survivors) expect([where, name, now.get(name)]).toEqual([where, name, life]);
}

test(
  'a first up that is killed at any step is completed by the next command',
  async () => {
    await withProject(
      shop(),
      async (p) => {
        const all = await points(p);
        await p.ok(['up', '-d']);
        const whole = await shape(p);
        await p.ok(['down', '--volumes']);
        for (const where of all) {
          await crash(p, ['up', '-d'], where);
          const survivors = lives(p);
          // Whatever the command: the supervisor that it starts goes on with what was wanted.
          const reached = where.endsWith('after') ? await p.ok(['up', '-d']).then(() => shape(p)) : await settledShape(p, whole);
          expect([where, reached]).toEqual([where, whole]);
          expectUntouched(p, survivors, where);
          await p.ok(['down', '--volumes']);
        }
      },
      long,
    );
  },
  LONG,
);

test(
  'a first up that is killed at any step is undone by down',
  async () => {
    await withProject(
      shop(),
      async (p) => {
        await p.ok(['up', '-d']);
        await p.ok(['down']);
        const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
        for (const where of await points(p)) {
          await crash(p, ['up', '-d'], where);
          await p.ok(['down']);
          await expectSameWorld(before, { directories: [p.stateDirectory, p.runDirectory] });
        }
      },
      long,
    );
  },
  LONG,
);

const changes = {
  change: [shop(), changed],
  'scale up': [scaled(1), scaled(3)],
  'scale down': [scaled(3), scaled(1)],
} as const;

test.each(Object.entries(changes))(
  'a %s that is killed at any step is completed by the next up; what did not change runs on',
  async (_, [from, to]) => {
    await withProject(
      from,
      async (p) => {
        const bring = async (files: Readonly<Record<string, string>>) => {
          p.write(files);
          await p.ok(['up', '-d']);
          return lives(p);
        };
        const before = await bring(from);
        p.write(to);
        const all = await points(p);
        const after = await bring(to);
        const whole = await shape(p);
        const replaced = [...before.keys()].filter((name) => after.get(name) !== before.get(name));
        for (const where of all) {
          const old = await bring(from);
          p.write(to);
          await crash(p, ['up', '-d'], where);
          const survivors = [...lives(p)].filter(([name, life]) => !(replaced.includes(name) && life === old.get(name)));
          await p.ok(['up', '-d']);
          expect([where, await shape(p)]).toEqual([where, whole]);
          expectUntouched(p, new Map([...survivors, ...[...before].filter(([name]) => !replaced.includes(name))]), where);
        }
      },
      long,
    );
  },
  LONG,
);

test(
  'a down that is killed at any step, in a supervisor or without one, is finished by the next',
  async () => {
    await withProject(
      shop(),
      async (p) => {
        await p.ok(['up', '-d']);
        await p.ok(['down']);
        const before = snapshotWorld({ directories: [p.stateDirectory, p.runDirectory] });
        const killedAt = async (where: string): Promise<boolean> => {
          const env = { TSSTACK_FAILPOINTS: `${where}=kill` };
          await p.ok(['up', '-d']);
          await killSupervisors(p);
          const supervised = where.endsWith('after');
          if (supervised) await p.ok(['ps'], { env });
          const { code, stderr } = await p.tsstack(['down'], { env });
          if (supervised && code !== 0)
            expect([where, code, stderr]).toEqual([where, 1, expect.stringContaining('the supervisor ended before')]);
          if (!supervised && code !== 0) expect([where, code]).toEqual([where, 137]);
          await p.ok(['down']);
          await expectSameWorld(before, { directories: [p.stateDirectory, p.runDirectory] });
          return code !== 0;
        };
        const stride = everyStep ? 1 : 3;
        let steps = 0;
        while ((await killedAt(`#${steps + 1}`)) && (await killedAt(`#${steps + stride}.after`))) steps += stride;
        expect(steps, 'all that `up` made is removed in steps').toBeGreaterThan(6);
      },
      long,
    );
  },
  LONG,
);

test('a step that fails once is told, and its supervisor goes on until all is as it should be', async () => {
  await withProject(shop(), async (p) => {
    await p.ok(['up', '-d']);
    const whole = await shape(p);
    await p.ok(['down']);
    for (const kind of ['link.create', 'firewall.replace', 'cgroup.create', 'container.create', 'container.start', 'address.add']) {
      const up = await p.tsstack(['up', '-d'], { env: { TSSTACK_FAILPOINTS: `${kind}=1*error(EBUSY)` } });
      expect([kind, up.code, up.stderr]).toEqual([kind, 1, expect.stringContaining(`failpoint ${kind}: EBUSY`)]);
      expect([kind, await settledShape(p, whole)]).toEqual([kind, whole]);
      await p.ok(['down']);
    }
  });
});
