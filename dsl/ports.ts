import { parseIpv4 } from './ipv4.ts';
import type { IssuePath } from './issues.ts';
import type { PortShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { PortSpec } from './spec.ts';

const LOOPBACK = '127.0.0.1';
const SHORT = /^(?:([0-9]+\.[0-9.]+|localhost|\*):)?(?:([0-9-]+):)?([0-9-]+)(?:\/([a-z]+))?$/i;

/** One entry of `ports`: a range is as many ports. */
export function readPorts(written: number | string | PortShape, path: IssuePath, scope: Scope): readonly PortSpec[] {
  if (typeof written === 'string') return readShortPorts(written, path, scope);
  const port = typeof written === 'number' ? { target: written } : written;
  const hostAddress = readHostAddress(port, path, scope);
  const containerPort = readPort(port.target, [...path, ...(typeof written === 'number' ? [] : ['target'])], scope);
  const hostPort = port.published === undefined ? containerPort : readPort(port.published, [...path, 'published'], scope);
  if (hostAddress === undefined || containerPort === undefined || hostPort === undefined) return [];
  return [onePort(hostAddress, hostPort, { containerPort, protocol: port.protocol ?? 'tcp' })];
}

function readHostAddress(port: PortShape, path: IssuePath, scope: Scope): string | undefined {
  if (port.hostAddress === undefined) return port.public === true ? '0.0.0.0' : LOOPBACK;
  if (parseIpv4(port.hostAddress) === undefined) {
    return scope.log.add([...path, 'hostAddress'], port.hostAddress, 'must be an IPv4 address');
  }
  if (port.public === true && port.hostAddress !== '0.0.0.0') {
    return scope.log.add([...path, 'public'], true, `contradicts \`hostAddress: '${port.hostAddress}'\``);
  }
  return port.hostAddress;
}

export function readPort(written: number, path: IssuePath, scope: Scope): number | undefined {
  return isPort(written) ? written : scope.log.add(path, written, 'must be a port, 1 … 65535');
}

function readShortPorts(written: string, path: IssuePath, scope: Scope): readonly PortSpec[] {
  const wrong = (why: string): readonly PortSpec[] => scope.log.add(path, written, why) ?? [];
  const match = SHORT.exec(written);
  if (match === null) return wrong('must be `[address:][host:]container[/udp]`, such as `8080:80`');
  const [, addressText, hostText, containerText = '', protocolText = 'tcp'] = match;
  const protocol = protocolText.toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp') return wrong('must be `/tcp` or `/udp`');
  const hostAddress = addressText === undefined || addressText === 'localhost' ? LOOPBACK : addressText === '*' ? '0.0.0.0' : addressText;
  if (parseIpv4(hostAddress) === undefined) return wrong(`has the address \`${hostAddress}\`, which is not an IPv4 address`);
  const containerPorts = parseRange(containerText);
  const hostPorts = hostText === undefined ? containerPorts : parseRange(hostText);
  if (containerPorts === undefined || hostPorts === undefined)
    return wrong('must be made of ports, 1 … 65535, or ranges such as `8000-8002`');
  if (containerPorts.length !== hostPorts.length) {
    return wrong(`has ${hostPorts.length} host ports for ${containerPorts.length} container ports`);
  }
  return containerPorts.map((containerPort, index) => onePort(hostAddress, hostPorts[index] ?? containerPort, { containerPort, protocol }));
}

function onePort(hostAddress: string, hostPort: number, leadsTo: Pick<PortSpec, 'containerPort' | 'protocol'>): PortSpec {
  return { hostAddresses: [hostAddress], hostPorts: { first: hostPort, last: hostPort }, strict: true, ...leadsTo };
}

function parseRange(text: string): readonly number[] | undefined {
  const [first, last, ...rest] = text.split('-').map((part) => (/^\d{1,5}$/.test(part) ? Number(part) : Number.NaN));
  const end = last ?? first;
  if (first === undefined || end === undefined || rest.length > 0 || !isPort(first) || !isPort(end) || end < first) return undefined;
  return Array.from({ length: end - first + 1 }, (_, index) => first + index);
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
