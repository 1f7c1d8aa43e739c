/** Stacks and numbers that look random and are the same for the same seed. */
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import type { NetworkSpec, ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';
import { network, port, service, stack } from '../../../support/plan-world.ts';

/** mulberry32: the same numbers for the same seed. */
export function randomFrom(seed: number): () => number {
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
export function randomStack(random: () => number): StackSpec {
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
        return { ...plainAttachment(to), ipv4Address: free ? address : undefined };
      }),
      ports: attached.length > 0 && chance(0.4) ? [port('127.0.0.1', 8000 + SERVICES.indexOf(name), 80)] : [],
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
