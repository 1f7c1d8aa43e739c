import { describe, expect, it } from 'vitest';
import type { StackSpec } from '../../../../dsl/spec.ts';
import type { Policy } from '../../../../engine/model/plan.ts';
import { serviceOfContainer } from '../../../../engine/plan/names.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { containersOf } from '../../../../engine/plan/replicas.ts';
import { POLICY } from '../../../support/plan-world.ts';
import { SimulatedWorld } from '../../../support/simulated-world.ts';
import { randomFrom, randomStack } from './random-stack.ts';

const SEEDS = Array.from({ length: 80 }, (_, i) => i + 1);
const REPAIR: Policy = { ...POLICY, repair: true };

type Random = () => number;

/** After an `up`, with every job done. */
function converged(spec: StackSpec, random: Random): SimulatedWorld {
  const world = new SimulatedWorld();
  world.declare(containersOf(spec).map(({ name }) => name));
  world.carryOut(world.plan(spec), { random });
  world.carryOut(world.plan(spec, REPAIR), { random });
  return world;
}

/** These, and all containers of services that go with theirs. */
function withFollowers(spec: StackSpec, containers: readonly string[]): Set<string> {
  const followers = new Set<string>();
  const follow = (service: string) => {
    for (const [name, { dependsOn }] of Object.entries(spec.services)) {
      if (!dependsOn[service]?.restart || followers.has(name)) continue;
      followers.add(name);
      follow(name);
    }
  };
  for (const name of containers) follow(serviceOfContainer(name));
  const dragged = containersOf(spec).filter(({ serviceName }) => followers.has(serviceName));
  return new Set([...containers, ...dragged.map(({ name }) => name)]);
}

function startsOf(world: SimulatedWorld): Map<string, number> {
  return new Map(world.running.map((name) => [name, world.startsOf(name)]));
}

function startedSince(world: SimulatedWorld, before: ReadonlyMap<string, number>): string[] {
  return world.running.filter((name) => world.startsOf(name) !== before.get(name));
}

/** Repairs as a supervisor does that knows what has been reached, and starts who waits when that changes. */
function repairInTurns(world: SimulatedWorld, spec: StackSpec, { policy, random }: { policy: Policy; random: Random }): number {
  let restart = policy.restart;
  for (let turn = 1; turn <= 10; turn++) {
    const completed = new Set(
      world.observed().resources.flatMap((resource) => {
        if (resource.kind !== 'process') return [];
        return resource.state.status.exit?.code === 0 ? [resource.state.name] : [];
      }),
    );
    const plan = world.plan(spec, {
      ...policy,
      restart,
      conditions: { started: new Set(world.running), healthy: new Set(), completed },
    });
    expect(plan.steps.filter(({ op }) => op.kind === 'container.await')).toEqual([]);
    if (plan.steps.length === 0) return turn;
    world.carryOut(plan, { random });
    restart = Object.keys(plan.waiting);
  }
  throw new Error('it does not come to an end');
}

describe.each(SEEDS)('a world that others have changed (%i)', (seed) => {
  const random = randomFrom(seed);
  const spec = randomStack(random);

  it('is as desired after a repair, and only processes that died, and who goes with them, were started', () => {
    const world = converged(spec, random);
    const names = world.names;
    const starts = startsOf(world);
    const died = world.running.filter(() => random() < 0.2);
    for (const name of died) world.end(name, random() < 0.5 ? 'killed from outside' : 'unseen');
    for (const { id, kind } of world.observed().resources) {
      if (kind === 'container' || kind === 'process' || random() > 0.3) continue;
      // It may have gone with another one.
      if (world.observed().resources.some((resource) => resource.id === id)) world.spoil(id);
    }
    const running = startsOf(world);
    world.carryOut(world.plan(spec, REPAIR), { random });
    expect(renderPlan(world.plan(spec, REPAIR))).toBe('');
    expect(renderPlan(world.plan(spec, { ...POLICY, services: Object.keys(spec.services).filter((name) => name !== 'migrate') }))).toBe('');
    expect(world.names).toEqual(names);
    expect(world.running).toEqual([...starts.keys()].sort());
    const again = startedSince(world, running);
    expect(again).toEqual(expect.arrayContaining(died));
    const allowed = withFollowers(spec, died);
    expect(again.filter((name) => !allowed.has(name))).toEqual([]);
  });

  it('leaves alone what ended by itself, but for ports that lead there', () => {
    const world = converged(spec, random);
    const ended = world.running.filter(() => random() < 0.4);
    for (const name of ended) world.end(name, 'by itself');
    const plan = world.plan(spec, REPAIR);
    expect(plan.steps.filter(({ op }) => op.kind !== 'firewall.replace')).toEqual([]);
    expect(plan.unreached.filter((name) => world.isRunning(name))).toEqual([]);
    world.carryOut(plan, { random });
    expect(renderPlan(world.plan(spec, REPAIR))).toBe('');
  });

  it('starts who is to be restarted once, and nobody who was stopped on request', () => {
    const world = converged(spec, random);
    const before = world.running;
    const starts = startsOf(world);
    const stopped = before.filter(() => random() < 0.2);
    const restart = before.filter(() => random() < 0.3);
    for (const name of restart) if (random() < 0.3) world.end(name, 'by itself');
    const policy = { ...REPAIR, restart, stopped };
    world.carryOut(world.plan(spec, policy), { random });
    expect(world.running).toEqual(before.filter((name) => !stopped.includes(name)));
    expect(renderPlan(world.plan(spec, { ...policy, restart: [] }))).toBe('');
    const asked = restart.filter((name) => !stopped.includes(name));
    for (const name of asked) expect(world.startsOf(name)).toBe((starts.get(name) ?? 0) + 1);
    const allowed = withFollowers(spec, asked);
    expect(startedSince(world, starts).filter((name) => !allowed.has(name))).toEqual([]);
  });

  it('comes back in turns when nothing is started before what it needs', () => {
    const world = converged(spec, random);
    const before = world.running;
    const names = world.names;
    const died = before.filter(() => random() < 0.5);
    for (const name of died) world.end(name, 'unseen');
    const restart = before.filter((name) => !died.includes(name) && random() < 0.2);
    repairInTurns(world, spec, { policy: { ...REPAIR, restart }, random });
    expect(world.running).toEqual(before);
    expect(world.names).toEqual(names);
  });
});

describe.each(SEEDS)('a stack that was never up (%i)', (seed) => {
  it('comes up in turns as it does at once', () => {
    const random = randomFrom(seed);
    const spec = randomStack(random);
    const world = new SimulatedWorld();
    world.declare(containersOf(spec).map(({ name }) => name));
    repairInTurns(world, spec, { policy: REPAIR, random });
    const atOnce = converged(spec, random);
    expect(world.running).toEqual(atOnce.running);
    expect(world.names).toEqual(atOnce.names);
  });
});
