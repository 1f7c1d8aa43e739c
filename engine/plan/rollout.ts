/** Replacing containers of `start-first` services: for a while there are more of them than declared. */
import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Plan, Policy } from '../model/plan.ts';
import { serviceOfContainer } from './names.ts';

/** A stack to be planned and applied. `policy` goes over the policy of the `up`. */
export interface RolloutPhase {
  readonly spec: StackSpec;
  readonly policy: Partial<Policy>;
}

export interface StartFirstRollout {
  /**
   * The declared stack and the surge: what is over and above, with indexes higher than `replicas`. Its plan makes that first, and waits for it
   * before it stops one of the old containers.
   */
  readonly surged: RolloutPhase;
  /** The surge goes and nothing else happens. To be applied after `surged` whether that succeeded or not: if it failed, old containers stay. */
  readonly settled: RolloutPhase;
}

/**
 * `plan` is that of `spec` as it is declared. Undefined: it recreates no running container of a service that is to be `start-first`,
 * and can be applied as it is. Should nobody live to apply `settled`, the next `up` removes the surge as something that isn't declared.
 *
 * A service with an address of its own can't be there twice, nor can one whose ports are in a network that isn't its own: it is replaced
 * as `stop-first`.
 */
export function startFirstRollout(spec: StackSpec, plan: Plan): StartFirstRollout | undefined {
  const services: Record<string, ServiceSpec> = { ...spec.services };
  const surge: ContainerName[] = [];
  for (const [name, count] of [...recreatedByService(plan)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const service = spec.services[name];
    if (service?.update.order !== 'start-first' || service.networkMode.kind !== 'own') continue;
    if (service.networks.some(({ ipv4Address }) => ipv4Address !== undefined)) continue;
    const more = Math.min(service.update.parallelism, count);
    services[name] = { ...service, replicas: service.replicas + more };
    for (let i = 1; i <= more; i++) surge.push(`${name}-${service.replicas + i}`);
  }
  if (surge.length === 0) return undefined;
  return {
    surged: { spec: { ...spec, services }, policy: {} },
    settled: { spec, policy: { forceRecreate: false, restart: [], containers: surge } },
  };
}

/** Service → how many of its running containers are stopped and made anew. What an `up` only removes isn't made. */
function recreatedByService({ steps }: Plan): ReadonlyMap<string, number> {
  const stopped = new Set(steps.flatMap(({ op }) => (op.kind === 'container.stop' ? [op.name] : [])));
  const deleted = new Set(steps.flatMap(({ op }) => (op.kind === 'container.delete' ? [op.name] : [])));
  const result = new Map<string, number>();
  for (const { op } of steps) {
    if (op.kind !== 'container.create' || !stopped.has(op.container.name) || !deleted.has(op.container.name)) continue;
    const service = serviceOfContainer(op.container.name);
    result.set(service, (result.get(service) ?? 0) + 1);
  }
  return result;
}
