import type { IssuePath } from './issues.ts';
import { MEMBER_NAME, STACK_NAME } from './names.ts';
import { readNetwork } from './network.ts';
import { PLAIN_NETWORK } from './network-defaults.ts';
import type { StackShape } from './schema.ts';
import type { Scope } from './scope.ts';
import { readService } from './service.ts';
import type { StackSpec } from './spec.ts';
import { readTexts } from './texts.ts';

/** The long form of all that could be read. What could not is in the scope's log. */
export function normalizeStack(shape: StackShape, defaultName: string, scope: Scope): StackSpec {
  const name = shape.name ?? defaultName;
  if (!STACK_NAME.test(name)) {
    const suggestion = name
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '');
    scope.log.add(['name'], name, 'must be made of `a-z`, `0-9`, `_`, `-`, and start with a letter or digit', suggestion || undefined);
  }
  for (const section of ['services', 'networks', 'volumes'] as const) {
    for (const member of Object.keys(shape[section] ?? {})) checkName(member, [section, member], scope);
  }
  const services = mapValues(shape.services ?? {}, (service, key) => readService(service, ['services', key], scope));
  const networks = mapValues(shape.networks ?? {}, (network, key) => readNetwork(network ?? {}, ['networks', key], scope));
  const usesDefault = Object.values(services).some((service) => service.networks.some(({ network }) => network === 'default'));
  return {
    name,
    services,
    networks: usesDefault && networks['default'] === undefined ? { ...networks, default: PLAIN_NETWORK } : networks,
    volumes: mapValues(shape.volumes ?? {}, (volume) => ({ labels: readTexts(volume?.labels) })),
  };
}

function checkName(name: string, path: IssuePath, scope: Scope): void {
  if (!MEMBER_NAME.test(name) || name.length > 63) {
    scope.log.add(path, undefined, 'is no name: use letters, digits, `_`, `.` and `-`, a letter or digit first, 63 at most');
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
