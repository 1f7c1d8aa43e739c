import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { ContainerName } from '../model/ids.ts';

export interface Replica {
  readonly name: ContainerName;
  readonly serviceName: string;
  /** From 1. */
  readonly index: number;
  readonly service: ServiceSpec;
}

/** Every container a stack is made of: services by name, then index. */
export function containersOf(spec: StackSpec): readonly Replica[] {
  return Object.keys(spec.services)
    .sort()
    .flatMap((serviceName) => replicasOf(spec, serviceName));
}

export function replicasOf(spec: StackSpec, serviceName: string): readonly Replica[] {
  const service = spec.services[serviceName];
  if (!service) return [];
  return Array.from({ length: service.replicas }, (_, i) => ({ name: `${serviceName}-${i + 1}`, serviceName, index: i + 1, service }));
}
