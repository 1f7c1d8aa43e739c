import { describe, expect, it } from 'vitest';
import type { StackSpec } from '../../../../dsl/spec.ts';
import type { Policy } from '../../../../engine/model/plan.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { containersOf } from '../../../../engine/plan/replicas.ts';
import { POLICY } from '../../../support/plan-world.ts';
import { SimulatedWorld } from '../../../support/simulated-world.ts';
import { randomFrom, randomStack } from './random-stack.ts';

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

/** Ports lead to jobs that have completed no more. */
const REPAIR: Policy = { ...POLICY, repair: true };

function worldOf(spec: StackSpec, random: () => number): SimulatedWorld {
  const world = new SimulatedWorld();
  world.declare(containersOf(spec).map(({ name }) => name));
  world.carryOut(world.plan(spec), { random });
  return world;
}

function isStable(spec: StackSpec): boolean {
  return !Object.values(spec.services).some(({ rerun }) => rerun === 'always');
}

describe.each(SEEDS)('from one random stack to another (%i)', (seed) => {
  const random = randomFrom(seed);
  const [before, after] = [randomStack(random), randomStack(random)];
  const containers = containersOf(after).map(({ name }) => name);

  it('one plan leads all the way, in whatever order its edges allow', () => {
    const world = worldOf(before, random);
    world.declare(containers);
    const plan = world.plan(after);
    for (const { id, dependsOn } of plan.steps) for (const other of dependsOn) expect(other).toBeLessThan(id);
    world.carryOut(plan, { random });
    world.carryOut(world.plan(after, REPAIR), { random });
    if (isStable(after)) expect(renderPlan(world.plan(after))).toBe('');
    expect(world.names).toEqual(worldOf(after, random).names);
  });

  it('an unchanged service is not stopped, unless it asked to go with one that changed', () => {
    const plan = worldOf(before, random).plan(after);
    const stopped = plan.steps.flatMap(({ op }) => (op.kind === 'container.stop' ? [op.name.replace(/-\d+$/, '')] : []));
    const same = (name: string) => JSON.stringify(before.services[name]) === JSON.stringify(after.services[name]);
    const alone = (name: string) => !Object.values(after.services[name]?.dependsOn ?? {}).some(({ restart }) => restart);
    expect(stopped.filter((name) => same(name) && alone(name))).toEqual([]);
  });

  it('a run that was cut off anywhere is finished by the next, or undone by down', () => {
    const world = worldOf(before, random);
    world.declare(containers);
    for (let round = 0; round < 3; round++) {
      const plan = world.plan(round === 1 ? before : after);
      world.declare(containersOf(round === 1 ? before : after).map(({ name }) => name));
      world.carryOut(plan, { random, count: Math.floor(random() * (plan.steps.length + 1)) });
    }
    if (random() < 0.5) {
      world.declare(containers);
      world.carryOut(world.plan(after), { random });
      world.carryOut(world.plan(after, REPAIR), { random });
      if (isStable(after)) expect(renderPlan(world.plan(after))).toBe('');
    }
    world.carryOut(world.planDown(), { random });
    expect(world.names).toEqual([]);
  });
});
