import { parseCidr, parseIpv4 } from './ipv4.ts';
import type { IssuePath } from './issues.ts';
import { MEMBER_NAME, STACK_NAME } from './names.ts';
import { PLAIN_NETWORK } from './network-defaults.ts';
import type { NetworkShape, StackShape } from './schema.ts';
import type { Scope } from './scope.ts';
import { readService } from './service.ts';
import type { NetworkSpec, StackSpec } from './spec.ts';
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

function readNetwork(written: NetworkShape, path: IssuePath, scope: Scope): NetworkSpec {
  const { subnet, gateway, mtu } = written;
  const range = subnet === undefined ? undefined : parseCidr(subnet);
  if (subnet !== undefined && range === undefined)
    scope.log.add([...path, 'subnet'], subnet, 'must be an IPv4 subnet such as `10.20.0.0/24`');
  const gatewayAddress = gateway === undefined ? undefined : parseIpv4(gateway);
  if (gateway !== undefined && gatewayAddress === undefined) scope.log.add([...path, 'gateway'], gateway, 'must be an IPv4 address');
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 68 && mtu <= 65535)) {
    scope.log.add([...path, 'mtu'], mtu, 'must be a whole number, 68 … 65535');
  }
  return {
    ...PLAIN_NETWORK,
    internal: written.internal ?? false,
    subnet: range === undefined ? undefined : subnet,
    gateway: gatewayAddress === undefined ? undefined : gateway,
    mtu,
    labels: readTexts(written.labels),
  };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
