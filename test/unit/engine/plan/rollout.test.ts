import { describe, expect, it } from 'vitest';
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import type { HealthcheckSpec, ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';
import type { Policy, Step } from '../../../../engine/model/plan.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { containersOf } from '../../../../engine/plan/replicas.ts';
import { startFirstRollout } from '../../../../engine/plan/rollout.ts';
import { network, POLICY, service, stack } from '../../../support/plan-world.ts';
import { SimulatedWorld } from '../../../support/simulated-world.ts';
import { randomFrom } from './random-stack.ts';

const HEALTHCHECK: HealthcheckSpec = {
  probe: { kind: 'http', port: 80, path: '/', headers: {} },
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 100,
  restart: true,
};
const NEW = ['/bin/new'];
const SEEDS = Array.from({ length: 25 }, (_, i) => i + 1);

function webs(parts: Partial<ServiceSpec>): StackSpec {
  return stack({ web: service({ replicas: 3, healthcheck: HEALTHCHECK, ...parts }) });
}

function worldOf(spec: StackSpec, random = randomFrom(1)): SimulatedWorld {
  const world = new SimulatedWorld();
  world.declare(containersOf(spec).map(({ name }) => name));
  world.carryOut(world.plan(spec), { random });
  return world;
}

const golden = (name: string) => `../../../golden/plan/${name}.txt`;
const isNew = (world: SimulatedWorld) => (name: string) => world.recordOf(name)?.launch.argv.includes('/bin/new') ?? false;
const awaits = (name: string) => (step: Step) => step.op.kind === 'container.await' && step.op.name === name;

/** How few of `service` ran at any moment. */
function fewest(world: SimulatedWorld, run: (onStep: () => void) => void): number {
  let least = world.running.length;
  run(() => {
    least = Math.min(least, world.running.length);
  });
  return least;
}

describe('replicas that are recreated', () => {
  it('take turns: the next is stopped when the one before is healthy', async () => {
    const world = worldOf(webs({}));
    await expect(renderPlan(world.plan(webs({ command: NEW })))).toMatchFileSnapshot(golden('rolling-update'));
  });

  it('count as ready without a health check when they have survived their first moments', () => {
    const world = worldOf(webs({ healthcheck: undefined }));
    const { steps } = world.plan(webs({ healthcheck: undefined, command: NEW }));
    const waits = steps.flatMap(({ op }) => (op.kind === 'container.await' ? [`${op.name} ${op.until}`] : []));
    expect(waits).toEqual(['web-1 running', 'web-2 running']);
  });

  it.each([1, 2, 3])('are down %i at a time, whatever the order of steps', (parallelism) => {
    for (const seed of SEEDS) {
      const before = webs({ replicas: 5, update: { order: 'stop-first', parallelism } });
      const world = worldOf(before);
      const after = webs({ replicas: 5, update: { order: 'stop-first', parallelism }, command: NEW });
      const plan = world.plan(after);
      expect(fewest(world, (onStep) => world.carryOut(plan, { random: randomFrom(seed), onStep }))).toBeGreaterThanOrEqual(5 - parallelism);
      expect(world.running.filter(isNew(world))).toHaveLength(5);
    }
  });

  it('stay as they are when a new one does not get ready, and a repair leaves it so', () => {
    const world = worldOf(webs({}));
    const after = webs({ command: NEW });
    world.carryOut(world.plan(after), { random: randomFrom(1), fails: awaits('web-1') });
    expect(world.running).toEqual(['web-1', 'web-2', 'web-3']);
    expect(world.running.filter(isNew(world))).toEqual(['web-1']);
    const repair: Policy = { ...POLICY, repair: true };
    expect(renderPlan(world.plan(after, repair))).toBe('');
    world.end('web-2', 'killed from outside');
    world.carryOut(world.plan(after, repair), { random: randomFrom(1) });
    expect(world.running.filter(isNew(world))).toEqual(['web-1']);
    world.carryOut(world.plan(after), { random: randomFrom(1) });
    expect(world.running.filter(isNew(world))).toEqual(['web-1', 'web-2', 'web-3']);
  });

  it('begin with what does not run: a new replica and one that has ended', () => {
    const world = worldOf(webs({}));
    world.end('web-2', 'by itself');
    const plan = world.plan(webs({ replicas: 4, command: NEW }));
    expect(fewest(world, (onStep) => world.carryOut(plan, { random: randomFrom(1), onStep }))).toBe(2);
    const order = plan.steps.flatMap(({ op }) => (op.kind === 'container.start' ? [op.process.name] : []));
    expect(order).toEqual(['web-2', 'web-4', 'web-1', 'web-3']);
  });

  it('take turns though what they depend on is recreated, too', () => {
    const of = (command: string[] | undefined) =>
      stack({
        db: service({ replicas: 2, command: command ?? service().command }),
        web: service({ replicas: 3, command: command ?? service().command, dependsOn: { db: { condition: 'started', restart: false } } }),
      });
    for (const seed of SEEDS) {
      const world = worldOf(of(undefined));
      const plan = world.plan(of(NEW));
      expect(fewest(world, (onStep) => world.carryOut(plan, { random: randomFrom(seed), onStep }))).toBeGreaterThanOrEqual(3);
    }
  });

  it('go down together when they asked to go with what they depend on', () => {
    const of = (command: string[]) =>
      stack({
        db: service({ command }),
        web: service({ replicas: 2, command, dependsOn: { db: { condition: 'started', restart: true } } }),
      });
    const world = worldOf(of(['/bin/old']));
    const plan = world.plan(of(NEW));
    expect(plan.steps.filter(({ op }) => op.kind === 'container.await')).toEqual([]);
    world.carryOut(plan, { random: randomFrom(1) });
    expect(world.running).toEqual(['db-1', 'web-1', 'web-2']);
  });

  it('do not take turns where the old ones must be gone before the new ones can be', () => {
    const of = (name: string, command: string[]) =>
      stack(
        { web: service({ replicas: 3, command, networks: [plainAttachment(name)] }) },
        { networks: { [name]: network({ subnet: '10.1.0.0/24' }) } },
      );
    const world = worldOf(of('lan', ['/bin/old']));
    world.carryOut(world.plan(of('wire', NEW)), { random: randomFrom(1) });
    expect(world.running.filter(isNew(world))).toHaveLength(3);
  });
});

describe('a start-first service', () => {
  const update = { order: 'start-first', parallelism: 1 } as const;
  const before = webs({ replicas: 1, update });
  const after = webs({ replicas: 1, update, command: NEW });

  it('needs no more than its plan when none of its running containers is recreated', () => {
    const world = worldOf(before);
    expect(startFirstRollout(before, world.plan(before))).toBeUndefined();
    const limited = webs({ replicas: 2, update, labels: { a: 'b' } });
    expect(startFirstRollout(limited, world.plan(limited))).toBeUndefined();
    expect(startFirstRollout(before, new SimulatedWorld().plan(before))).toBeUndefined();
  });

  it('has a new container ready before the old one is stopped, and then as many as declared', async () => {
    const world = worldOf(before);
    const rollout = startFirstRollout(after, world.plan(after));
    if (!rollout) throw new Error('there is no roll-out');
    expect(rollout.settled.policy.containers).toEqual(['web-2']);
    const surged = world.plan(rollout.surged.spec, { ...POLICY, ...rollout.surged.policy });
    await expect(renderPlan(surged)).toMatchFileSnapshot(golden('start-first-surged'));
    expect(fewest(world, (onStep) => world.carryOut(surged, { random: randomFrom(1), onStep }))).toBe(1);
    const settled = world.plan(rollout.settled.spec, { ...POLICY, ...rollout.settled.policy });
    await expect(renderPlan(settled)).toMatchFileSnapshot(golden('start-first-settled'));
    world.carryOut(settled, { random: randomFrom(1) });
    expect(world.running.filter(isNew(world))).toEqual(['web-1']);
    expect(renderPlan(world.plan(after))).toBe('');
    expect(world.names).toEqual(worldOf(after).names);
  });

  it('keeps the old one when the new one does not get ready', () => {
    const world = worldOf(before);
    const rollout = startFirstRollout(after, world.plan(after));
    if (!rollout) throw new Error('there is no roll-out');
    const surged = world.plan(rollout.surged.spec, { ...POLICY, ...rollout.surged.policy });
    world.carryOut(surged, { random: randomFrom(1), fails: awaits('web-2') });
    expect(world.running).toEqual(['web-1', 'web-2']);
    world.carryOut(world.plan(rollout.settled.spec, { ...POLICY, ...rollout.settled.policy }), { random: randomFrom(1) });
    expect(world.running).toEqual(['web-1']);
    expect(isNew(world)('web-1')).toBe(false);
    expect(world.startsOf('web-1')).toBe(1);
  });

  it.each([1, 2, 3])('never has fewer than declared with %i at a time, also when it is scaled down at once', (parallelism) => {
    for (const seed of SEEDS) {
      const random = randomFrom(seed);
      const rolling = { order: 'start-first', parallelism } as const;
      const world = worldOf(webs({ replicas: 5, update: rolling }));
      const declared = webs({ replicas: seed % 2 ? 5 : 4, update: rolling, command: NEW });
      const rollout = startFirstRollout(declared, world.plan(declared));
      if (!rollout) throw new Error('there is no roll-out');
      const least = fewest(world, (onStep) => {
        for (const { spec, policy } of [rollout.surged, rollout.settled])
          world.carryOut(world.plan(spec, { ...POLICY, ...policy }), { random, onStep });
      });
      expect(least).toBeGreaterThanOrEqual(seed % 2 ? 5 : 4);
      expect(renderPlan(world.plan(declared))).toBe('');
    }
  });

  it('with a forced recreation recreates once, and leaves the other services to the first phase', () => {
    const spec = stack({ db: service(), web: service({ update }) });
    const world = worldOf(spec);
    const forced: Policy = { ...POLICY, forceRecreate: true };
    const rollout = startFirstRollout(spec, world.plan(spec, forced));
    if (!rollout) throw new Error('there is no roll-out');
    for (const { spec: phase, policy } of [rollout.surged, rollout.settled])
      world.carryOut(world.plan(phase, { ...forced, ...policy }), { random: randomFrom(1) });
    expect(world.startsOf('web-1')).toBe(2);
    expect(world.startsOf('db-1')).toBe(2);
    expect(world.running).toEqual(['db-1', 'web-1']);
  });

  it('with a fixed address is replaced stop-first: two cannot have it', () => {
    const fixed = (command: string[]) =>
      stack(
        { web: service({ update, command, networks: [{ ...plainAttachment('lan'), ipv4Address: '10.1.0.5' }] }) },
        { networks: { lan: network({ subnet: '10.1.0.0/24' }) } },
      );
    const world = worldOf(fixed(['/bin/old']));
    expect(startFirstRollout(fixed(NEW), world.plan(fixed(NEW)))).toBeUndefined();
  });
});
