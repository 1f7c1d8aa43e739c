import { parseIpv4 } from './ipv4.ts';
import { canonicalIpv6 } from './ipv6.ts';
import type { IssuePath } from './issues.ts';
import { MEMBER_NAME } from './names.ts';
import { plainAttachment } from './network-defaults.ts';
import type { ServiceShape } from './schema.ts';
import type { AttachmentShape } from './schema-network.ts';
import { isDeclared, type Scope } from './scope.ts';
import type { NetworkAttachmentSpec } from './spec.ts';

/** The networks of a service, highest priority first; of equal ones that first which is written first. */
export function readAttachments(written: ServiceShape['networks'], path: IssuePath, scope: Scope): readonly NetworkAttachmentSpec[] {
  if (written === undefined) return [plainAttachment('default')];
  if (Array.isArray(written)) {
    const networks = written.filter((name, index) => {
      if (written.indexOf(name) < index) return scope.log.add([...path, index], name, 'is named twice');
      return isDeclared(scope, 'networks', { path: [...path, index], name });
    });
    return networks.map(plainAttachment);
  }
  return Object.entries(written)
    .filter(([network]) => isDeclared(scope, 'networks', { path: [...path, network], name: network }))
    .map(([network, attachment]) => ({
      spec: readAttachment(network, attachment ?? {}, { path: [...path, network], scope }),
      priority: readPriority(attachment?.priority, [...path, network, 'priority'], scope),
    }))
    .sort((a, b) => b.priority - a.priority)
    .map(({ spec }) => spec);
}

function readAttachment(
  network: string,
  written: AttachmentShape,
  { path, scope }: { readonly path: IssuePath; readonly scope: Scope },
): NetworkAttachmentSpec {
  const aliases = (written.aliases ?? []).filter((alias, index) => {
    return MEMBER_NAME.test(alias) || scope.log.add([...path, 'aliases', index], alias, 'is no name');
  });
  const { ipv4Address, ipv6Address, macAddress } = written;
  const ipv6 = ipv6Address === undefined ? undefined : canonicalIpv6(ipv6Address);
  const isIpv4 = ipv4Address === undefined || parseIpv4(ipv4Address) !== undefined;
  if (!isIpv4) scope.log.add([...path, 'ipv4Address'], ipv4Address, 'must be an IPv4 address');
  if (ipv6Address !== undefined && ipv6 === undefined) scope.log.add([...path, 'ipv6Address'], ipv6Address, 'must be an IPv6 address');
  return {
    network,
    aliases,
    ipv4Address: isIpv4 ? ipv4Address : undefined,
    ipv6Address: ipv6,
    macAddress: macAddress === undefined ? undefined : readMac(macAddress, [...path, 'macAddress'], scope),
  };
}

/** The lowest bit of the first byte tells groups (IEEE 802, 8.2.2); the kernel takes no such address, nor zero, for a link (is_valid_ether_addr()). */
function readMac(written: string, path: IssuePath, scope: Scope): string | undefined {
  const address = written.toLowerCase();
  if (!/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address)) {
    return scope.log.add(path, written, 'must be a MAC address such as `02:42:ac:11:00:02`');
  }
  if (Number.parseInt(address.slice(0, 2), 16) % 2 === 1) return scope.log.add(path, written, 'is the address of a group, not of one link');
  if (address === '00:00:00:00:00:00') return scope.log.add(path, written, 'is no address of a link');
  return address;
}

function readPriority(written: number | undefined, path: IssuePath, scope: Scope): number {
  if (written === undefined || Number.isInteger(written)) return written ?? 0;
  scope.log.add(path, written, 'must be a whole number');
  return 0;
}
