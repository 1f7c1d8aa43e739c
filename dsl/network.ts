import { canonicalAddress } from './addresses.ts';
import { readExternal, takeOutOthersBusiness } from './external.ts';
import { parseCidr, parseIpv4 } from './ipv4.ts';
import { canonicalIpv6, formatIpv6, isUniqueLocal, parseCidr6 } from './ipv6.ts';
import type { IssuePath } from './issues.ts';
import { IFNAME } from './names.ts';
import type { NetworkShape } from './schema-network.ts';
import type { Scope } from './scope.ts';
import type { Ipv6Spec, MacvlanSettings, NetworkSpec } from './spec.ts';
import { readTexts } from './texts.ts';

const SMALLEST_MTU = 68;
/** RFC 8200, 5. */
const SMALLEST_MTU6 = 1280;

/** A network in long form. What is wrong is in the scope's log, and left out. */
export function readNetwork(all: NetworkShape, path: IssuePath, scope: Scope): NetworkSpec {
  const external = all.external === undefined ? undefined : readExternal(all.external, [...path, 'external'], scope);
  const written = all.external === undefined ? all : takeOutOthersBusiness(all, path, scope);
  const driver = written.driver ?? 'bridge';
  const { internal = false, shared = false, hostAccess = false } = written;
  if (hostAccess && !internal) {
    scope.log.add([...path, 'hostAccess'], true, 'is only for `internal: true`: from other networks the host is reached anyway');
  }
  const ipv6 = readIpv6(written, path, scope);
  return {
    driver,
    macvlan: readMacvlan(written, path, scope),
    external,
    shared,
    internal,
    hostAccess,
    subnet: readCidr(written.subnet, [...path, 'subnet'], scope),
    gateway: readIpv4(written.gateway, [...path, 'gateway'], scope),
    ipRange: readCidr(written.ipRange, [...path, 'ipRange'], scope),
    ipv6,
    mtu: readMtu(written.mtu, ipv6 !== undefined, { path: [...path, 'mtu'], scope }),
    labels: readTexts(written.labels),
  };
}

function readMacvlan(written: NetworkShape, path: IssuePath, scope: Scope): MacvlanSettings | undefined {
  const { driver, parent, mode = 'bridge' } = written;
  if (driver !== 'macvlan') {
    for (const key of ['parent', 'mode'] as const) {
      if (written[key] !== undefined) scope.log.add([...path, key], written[key], "is only for `driver: 'macvlan'`");
    }
    return undefined;
  }
  if (written.shared) scope.log.add([...path, 'shared'], true, 'is not for macvlan: another stack has its own on the same `parent`');
  if (written.hostAccess) {
    scope.log.add([...path, 'hostAccess'], true, 'is not for macvlan: the kernel passes nothing between it and the host');
  }
  if (parent === undefined) {
    return scope.log.add([...path, 'parent'], undefined, "is missing: `driver: 'macvlan'` is on a link of the host, such as `eth0`");
  }
  if (!IFNAME.test(parent)) return scope.log.add([...path, 'parent'], parent, 'is no name of a link');
  return { parent, mode };
}

function readIpv6(written: NetworkShape, path: IssuePath, scope: Scope): Ipv6Spec | undefined {
  const at = [...path, 'ipv6'];
  const { ipv6 = false, driver } = written;
  if (ipv6 === false) return undefined;
  const settings = ipv6 === true ? {} : ipv6;
  const range = settings.subnet === undefined ? undefined : parseCidr6(settings.subnet);
  if (settings.subnet !== undefined && range === undefined) {
    scope.log.add([...at, 'subnet'], settings.subnet, 'must be an IPv6 subnet such as `fd12:3456:789a:1::/64`');
  }
  const gateway = settings.gateway === undefined ? undefined : canonicalIpv6(settings.gateway);
  if (settings.gateway !== undefined && gateway === undefined) {
    scope.log.add([...at, 'gateway'], settings.gateway, 'must be an IPv6 address');
  }
  if (driver === 'macvlan' && settings.nat === true) {
    scope.log.add([...at, 'nat'], true, 'is not for macvlan: its packets are on the LAN as they are');
  }
  const nat = driver !== 'macvlan' && (settings.nat ?? (range === undefined || isUniqueLocal(range.first)));
  // With the host bits as they are: `crosscheck-networks.ts` tells them.
  const subnet = range === undefined ? undefined : `${formatIpv6(range.address)}/${range.prefix}`;
  return { subnet, gateway, way: nat ? 'nat' : 'routed' };
}

function readCidr(written: string | undefined, path: IssuePath, scope: Scope): string | undefined {
  if (written === undefined || parseCidr(written) !== undefined) return written;
  const hint = parseCidr6(written) === undefined ? '' : '; for IPv6 there is `ipv6: { subnet }`';
  return scope.log.add(path, written, `must be an IPv4 subnet such as \`10.20.0.0/24\`${hint}`);
}

function readIpv4(written: string | undefined, path: IssuePath, scope: Scope): string | undefined {
  if (written === undefined || parseIpv4(written) !== undefined) return written;
  const hint = canonicalAddress(written) === undefined ? '' : '; for IPv6 there is `ipv6: { gateway }`';
  return scope.log.add(path, written, `must be an IPv4 address${hint}`);
}

function readMtu(mtu: number | undefined, withIpv6: boolean, { path, scope }: { path: IssuePath; scope: Scope }): number | undefined {
  if (mtu === undefined) return undefined;
  if (!(Number.isInteger(mtu) && mtu >= SMALLEST_MTU && mtu <= 65535)) {
    return scope.log.add(path, mtu, `must be a whole number, ${SMALLEST_MTU} … 65535`);
  }
  if (withIpv6 && mtu < SMALLEST_MTU6) return scope.log.add(path, mtu, `must be at least ${SMALLEST_MTU6} with IPv6`);
  return mtu;
}
