import { describe, expect, it } from 'vitest';
import type { NetworkSpec, ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { containersOf } from '../../../../engine/plan/replicas.ts';
import { network, service, stack } from '../../../support/plan-world.ts';
import { SimulatedWorld } from '../../../support/simulated-world.ts';

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

/** mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NETWORKS = ['front', 'back', 'web-1'];
const SERVICES = ['a', 'a-1', 'db', 'migrate', 'web'];
const SUBNETS = ['10.1.0.0/24', '10.2.0.0/24', '10.3.0.0/24'];

/** Small, and full of clashes: few names, few subnets, few static addresses. */
function randomStack(random: () => number): StackSpec {
  const chance = (p: number) => random() < p;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const subnets = [...SUBNETS].sort(() => random() - 0.5);
  const networks: Record<string, NetworkSpec> = {};
  for (const name of NETWORKS) {
    if (chance(0.3)) continue;
    const subnet = chance(0.6) ? subnets.pop() : undefined;
    networks[name] = network({ internal: chance(0.3), subnet, mtu: chance(0.2) ? 1400 : undefined });
  }
  const services: Record<string, ServiceSpec> = {};
  const statics = new Set<string>();
  for (const name of SERVICES) {
    if (chance(0.25)) continue;
    const job = name === 'migrate';
    const replicas = job ? 1 : pick([0, 1, 1, 1, 2, 3]);
    const attached = Object.keys(networks)
      .filter(() => chance(0.6))
      .sort(() => random() - 0.5);
    services[name] = service({
      kind: job ? 'job' : 'service',
      rerun: chance(0.3) && job ? 'always' : 'on-change',
      replicas,
      command: [pick(['/bin/x', '/bin/y'])],
      labels: chance(0.3) ? { l: pick(['1', '2']) } : {},
      limits: { ...service().limits, memory: chance(0.5) ? pick([64, 96]) * 2 ** 20 : undefined },
      networks: attached.map((to) => {
        const subnet = networks[to]?.subnet;
        const address = subnet?.replace('.0/24', `.${pick([2, 3, 4])}`);
        const free = replicas === 1 && address !== undefined && chance(0.5) && !statics.has(`${address}`);
        if (free) statics.add(`${address}`);
        return { network: to, aliases: [], ipv4Address: free ? address : undefined };
      }),
      ports:
        attached.length > 0 && chance(0.4)
          ? [{ hostAddress: '127.0.0.1', hostPort: 8000 + SERVICES.indexOf(name), containerPort: 80, protocol: 'tcp' }]
          : [],
      mounts: chance(0.4) ? [{ type: 'volume', source: 'data', target: '/data', readOnly: false }] : [],
      dependsOn: Object.fromEntries(
        Object.keys(services)
          .filter(() => chance(0.3))
          .map((other) => [other, { condition: other === 'migrate' ? 'completed' : 'started', restart: chance(0.3) } as const]),
      ),
    });
  }
  return stack(services, { networks, volumes: { data: { labels: {} } } });
}

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
    if (isStable(after)) expect(renderPlan(world.plan(after))).toBe('');
    expect(world.names).toEqual(worldOf(after, random).names);
  });

  it('an unchanged service is not stopped', () => {
    const plan = worldOf(before, random).plan(after);
    const stopped = plan.steps.flatMap(({ op }) => (op.kind === 'container.stop' ? [op.name] : []));
    const same = (name: string) => JSON.stringify(before.services[name]) === JSON.stringify(after.services[name]);
    expect(stopped.filter((name) => same(name.replace(/-\d+$/, '')))).toEqual([]);
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
      if (isStable(after)) expect(renderPlan(world.plan(after))).toBe('');
    }
    world.carryOut(world.planDown(), { random });
    expect(world.names).toEqual([]);
  });
});
