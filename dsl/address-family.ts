/** IPv4 and IPv6 seen alike, so that what is checked of one is checked of the other. */
import { formatIpv4, parseCidr, parseIpv4 } from './ipv4.ts';
import { formatIpv6, parseCidr6, parseIpv6 } from './ipv6.ts';
import type { NetworkSpec } from './spec.ts';

export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
  /** As written: of a range with host bits it isn't `first`. */
  readonly address: bigint;
}

export interface AddressFamily {
  /** Where a network's settings of this family are. */
  readonly at: readonly string[];
  /** What a network needs for static addresses. */
  readonly needs: string;
  /** Of an attachment. */
  readonly addressKey: 'ipv4Address' | 'ipv6Address';
  /** Bits of a subnet's prefix. */
  readonly prefixes: { readonly shortest: number; readonly longest: number };
  readonly subnetOf: (network: NetworkSpec) => string | undefined;
  readonly gatewayOf: (network: NetworkSpec) => string | undefined;
  readonly parse: (text: string) => bigint | undefined;
  readonly format: (address: bigint) => string;
  readonly parseRange: (text: string) => AddressRange | undefined;
  /** Neither the network's own address nor one that means all of it. */
  readonly isHostAddress: (address: bigint, range: AddressRange) => boolean;
  /** Subnets that no network can have, with what they are. */
  readonly reserved: readonly (readonly [cidr: string, what: string])[];
}

const IPV4: AddressFamily = {
  at: [],
  needs: '`subnet`',
  addressKey: 'ipv4Address',
  // 30 bits leave room for the network's and the broadcast address, the gateway and one container.
  prefixes: { shortest: 8, longest: 30 },
  subnetOf: ({ subnet }) => subnet,
  gatewayOf: ({ gateway }) => gateway,
  parse: (text) => {
    const address = parseIpv4(text);
    return address === undefined ? undefined : BigInt(address);
  },
  format: (address) => formatIpv4(Number(address)),
  parseRange: (text) => {
    const range = parseCidr(text);
    if (range === undefined) return undefined;
    return { first: BigInt(range.first), last: BigInt(range.last), prefix: range.prefix, address: BigInt(range.address) };
  },
  isHostAddress: (address, { first, last }) => address > first && address < last,
  // RFC 6890; 240.0.0.0/4 and multicast together are all above.
  reserved: [
    ['0.0.0.0/8', 'this network'],
    ['127.0.0.0/8', 'loopback'],
    ['224.0.0.0/3', 'multicast'],
  ],
};

const IPV6: AddressFamily = {
  at: ['ipv6'],
  needs: '`ipv6: { subnet }`',
  addressKey: 'ipv6Address',
  prefixes: { shortest: 8, longest: 126 },
  subnetOf: ({ ipv6 }) => ipv6?.subnet,
  gatewayOf: ({ ipv6 }) => ipv6?.gateway,
  parse: parseIpv6,
  format: formatIpv6,
  parseRange: parseCidr6,
  // There is no broadcast, but the first address is that of all routers (RFC 4291, 2.6.1).
  isHostAddress: (address, { first, last }) => address > first && address <= last,
  reserved: [
    ['::/8', 'reserved'],
    ['fe80::/10', 'link-local'],
    ['ff00::/8', 'multicast'],
  ],
};

export const ADDRESS_FAMILIES: readonly AddressFamily[] = [IPV4, IPV6];

export function overlap(a: AddressRange, b: AddressRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}
