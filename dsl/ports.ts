import { canonicalAddress } from './addresses.ts';
import type { IssuePath } from './issues.ts';
import type { PortShape } from './schema-network.ts';
import type { Scope } from './scope.ts';
import type { PortSpec } from './spec.ts';

/** One of each family, of those that the host has. */
const LOOPBACK = ['127.0.0.1', '::1'];
const EVERYWHERE = ['0.0.0.0', '::'];
const SHORT = /^(?:([0-9]+\.[0-9.]+|\[[^\]]*\]|localhost|\*):)?(?:([0-9-]*):)?([0-9-]+)(?:\/([a-z]+))?$/i;
const RANGES = 'must be made of ports, 1 … 65535, or ranges such as `8000-8002`';

/** What all ports of a service have in common. */
export interface PortDefaults {
  readonly strict: boolean;
}

/** One entry of `ports`: ranges of the same length are as many ports; of a longer range on the host one port is chosen. */
export function readPorts(
  written: number | string | PortShape,
  defaults: PortDefaults,
  { path, scope }: { readonly path: IssuePath; readonly scope: Scope },
): readonly PortSpec[] {
  if (typeof written === 'string') return readShortPorts(written, defaults, { path, scope });
  const port = typeof written === 'number' ? { target: written } : written;
  const hostAddresses = readHostAddresses(port, path, scope);
  const containerPort = readPort(port.target, typeof written === 'number' ? path : [...path, 'target'], scope);
  const hostPorts = port.published === undefined ? undefined : readRange(port.published, [...path, 'published'], scope);
  if (hostAddresses === undefined || containerPort === undefined || hostPorts === 'wrong') return [];
  return [{ hostAddresses, hostPorts, strict: port.strictPorts ?? defaults.strict, containerPort, protocol: port.protocol ?? 'tcp' }];
}

function readHostAddresses(port: PortShape, path: IssuePath, scope: Scope): readonly string[] | undefined {
  if (port.hostAddress === undefined) return port.public === true ? EVERYWHERE : LOOPBACK;
  const addresses = addressesOf(port.hostAddress);
  if (addresses === undefined) {
    return scope.log.add([...path, 'hostAddress'], port.hostAddress, 'must be an IPv4 or IPv6 address');
  }
  if (port.public === true && !addresses.every((address) => EVERYWHERE.includes(address))) {
    return scope.log.add([...path, 'public'], true, `contradicts \`hostAddress: '${port.hostAddress}'\``);
  }
  return addresses;
}

export function readPort(written: number, path: IssuePath, scope: Scope): number | undefined {
  return isPort(written) ? written : scope.log.add(path, written, 'must be a port, 1 … 65535');
}

function readRange(written: number | string, path: IssuePath, scope: Scope): PortSpec['hostPorts'] | 'wrong' {
  const range = typeof written === 'string' ? parseRange(written) : isPort(written) ? { first: written, last: written } : undefined;
  if (range !== undefined) return range;
  scope.log.add(path, written, typeof written === 'string' ? 'must be a port or a range such as `8000-8010`' : 'must be a port, 1 … 65535');
  return 'wrong';
}

function readShortPorts(
  written: string,
  { strict }: PortDefaults,
  { path, scope }: { readonly path: IssuePath; readonly scope: Scope },
): readonly PortSpec[] {
  const wrong = (why: string): readonly PortSpec[] => scope.log.add(path, written, why) ?? [];
  const match = SHORT.exec(written);
  if (match === null) return wrong('must be `[address:][host:]container[/udp]`, such as `8080:80`');
  const [, addressText, hostText = '', containerText = '', protocolText = 'tcp'] = match;
  const protocol = protocolText.toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp') return wrong('must be `/tcp` or `/udp`');
  const hostAddresses = addressText === undefined ? LOOPBACK : addressesOf(addressText);
  if (hostAddresses === undefined) return wrong(`has the address \`${addressText}\`, which is no IPv4 or IPv6 address`);
  const containers = parseRange(containerText);
  const hosts = hostText === '' ? undefined : parseRange(hostText);
  if (containers === undefined || (hostText !== '' && hosts === undefined)) return wrong(RANGES);
  const count = sizeOf(containers);
  if (hosts !== undefined && count > 1 && sizeOf(hosts) !== count) {
    return wrong(`has ${sizeOf(hosts)} host ports for ${count} container ports`);
  }
  return Array.from({ length: count }, (_, index) => {
    const one = hosts === undefined || count === 1 ? hosts : { first: hosts.first + index, last: hosts.first + index };
    return { hostAddresses, hostPorts: one, strict, containerPort: containers.first + index, protocol };
  });
}

function addressesOf(text: string): readonly string[] | undefined {
  if (text === '*') return EVERYWHERE;
  if (text.toLowerCase() === 'localhost') return LOOPBACK;
  const address = canonicalAddress(text);
  return address === undefined ? undefined : [address];
}

function parseRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const [first, last, ...rest] = text.split('-').map((part) => (/^\d{1,5}$/.test(part) ? Number(part) : Number.NaN));
  const end = last ?? first;
  if (first === undefined || end === undefined || rest.length > 0 || !isPort(first) || !isPort(end) || end < first) return undefined;
  return { first, last: end };
}

function sizeOf({ first, last }: { readonly first: number; readonly last: number }): number {
  return last - first + 1;
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
