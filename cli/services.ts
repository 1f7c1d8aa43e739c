import type { StackSpec } from '../dsl/spec.ts';
import { TsstackError } from '../engine/model/errors.ts';
import { suggestion } from './suggest.ts';

/** Throws if a name is no service of the stack, with the nearest that is. Undefined for no names: all. */
export function checkServices(names: readonly string[], spec: StackSpec): readonly string[] | undefined {
  const services = Object.keys(spec.services);
  for (const name of names) {
    if (!services.includes(name)) throw unknownName('service', name, spec);
  }
  return names.length === 0 ? undefined : names;
}

/** Names of the containers that the stack file asks for, in its order. */
export function declaredContainers(spec: StackSpec, only: readonly string[] | undefined): readonly string[] {
  return Object.entries(spec.services).flatMap(([service, { replicas }]) => {
    const names = Array.from({ length: replicas }, (_, i) => `${service}-${i + 1}`);
    return only === undefined ? names : names.filter((name) => only.includes(service) || only.includes(name));
  });
}

function unknownName(what: string, name: string, spec: StackSpec): TsstackError {
  const hint = suggestion(name, Object.keys(spec.services));
  return new TsstackError(`there is no ${what} \`${name}\` in stack \`${spec.name}\``, { code: 'usage', hint });
}
