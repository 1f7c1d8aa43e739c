/** Small stacks that differ in everything that can be changed. */
import { idle, page, type StackShape } from '../support/stack-file.ts';
import type { Random } from './random.ts';

type Service = Readonly<Record<string, unknown>>;
export type Services = Readonly<Record<string, Service>>;

/** `a` always has a container: while nothing runs, there is no supervisor, and nobody to repair anything. */
export const FIRST: Services = { a: { ...page, networks: ['front'] }, b: { ...idle, networks: ['front', 'back'] } };

export function shapeOf(services: Services): StackShape {
  return { name: 'soak', services, networks: { front: {}, back: { internal: true } }, volumes: { data: {} } };
}

/** One service comes, goes or is another one. */
export function changed(services: Services, random: Random): Services {
  const name = random.pick(['a', 'b', 'c', 'd']);
  if (name !== 'a' && services[name] !== undefined && random.chance(0.2)) return without(services, name);
  const dependency = name === 'a' ? undefined : 'a';
  return { ...services, [name]: service(name, dependency, random) };
}

export function replicasOf(service: Service): number {
  return Number(service['replicas'] ?? 1);
}

function without(services: Services, name: string): Services {
  return Object.fromEntries(Object.entries(services).filter(([other]) => other !== name));
}

function service(name: string, dependency: string | undefined, random: Random): Service {
  const serves = random.chance(0.5);
  const least = name === 'a' ? 1 : 0;
  const some = (fields: () => Service, probability = 0.4): Service => (random.chance(probability) ? fields() : {});
  return {
    ...(serves ? page : idle),
    networks: random.pick([['front'], ['back'], ['front', 'back']]),
    replicas: least + random.below(3),
    stopGracePeriod: '1s',
    ...some(() => ({ environment: { VERSION: String(random.below(3)) } })),
    ...some(() => ({ ports: [`${17100 + name.charCodeAt(0) + random.below(3) * 10}:80`] })),
    ...some(() => ({ limits: { pids: 50 + random.below(3), memory: `${64 + random.below(3) * 16}MiB` } })),
    ...some(() => ({ volumes: ['data:/data'] })),
    ...some(() => ({ labels: { tier: String(random.below(3)) } })),
    ...some(() => ({ restart: random.pick(['no', 'always', 'on-failure:3', 'unless-stopped']) })),
    ...some(() => ({ update: { order: random.pick(['stop-first', 'start-first']), parallelism: 1 + random.below(2) } })),
    // Patient: what is repaired within a second shall not count as unhealthy.
    ...some(() => ({ healthcheck: { ...(serves ? { tcp: 80 } : { test: 'true' }), interval: '2s', retries: 10, startInterval: '20ms' } })),
    ...(dependency === undefined
      ? {}
      : some(() => ({ dependsOn: { [dependency]: { condition: 'started', restart: random.chance(0.3) } } }), 0.5)),
  };
}
