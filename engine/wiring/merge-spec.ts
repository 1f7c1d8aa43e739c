import type { StackSpec } from '../../dsl/spec.ts';

/**
 * What is wanted when only some services are brought up: these as they are declared now, and the others that were brought up before as
 * they were declared then.
 */
export function mergeSpec(before: StackSpec | undefined, declared: StackSpec, chosen: readonly string[] | undefined): StackSpec {
  if (chosen === undefined) return declared;
  const others = Object.entries(before?.services ?? {}).filter(([name]) => !chosen.includes(name) && declared.services[name] !== undefined);
  const services = Object.entries(declared.services).flatMap(([name, service]) => {
    if (chosen.includes(name)) return [[name, service] as const];
    return others.filter(([other]) => other === name);
  });
  return {
    ...declared,
    services: Object.fromEntries(services),
    networks: { ...before?.networks, ...declared.networks },
    volumes: { ...before?.volumes, ...declared.volumes },
  };
}
