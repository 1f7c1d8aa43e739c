/**
 * Addresses. One /24 a network out of 10.128.0.0/10, which holds 16,384 of them; a container keeps what it had as long
 * as it can. Pure: what is taken comes in, what is given out goes back.
 */
import { formatIpv4, type Ipv4Range, parseIpv4, parseCidr as parseRange, rangesOverlap } from '../../dsl/ipv4.ts';
import { sha256Hex } from './names.ts';

const POOL_FIRST = 0x0a800000;
const POOL_SUBNETS = 1 << 14;
const SUBNET_PREFIX = 24;
const SUBNET_SIZE = 256;

export type Subnet = Ipv4Range;

/** Throws on anything that isn't an IPv4 CIDR: what comes here was checked before. Host bits are cleared. */
export function parseCidr(cidr: string): Subnet {
  const range = parseRange(cidr);
  if (!range) throw new Error(`not an IPv4 network: ${cidr}`);
  return { first: range.first, last: range.last, prefix: range.prefix };
}

export function formatSubnet({ first, prefix }: Subnet): string {
  return `${formatIpv4(first)}/${prefix}`;
}

export const overlaps = rangesOverlap;

export function contains({ first, last }: Subnet, address: string): boolean {
  const value = parseIpv4(address);
  return value !== undefined && value >= first && value <= last;
}

/**
 * A free /24 for a network. Where to look first comes from the name, so that a network tends to get the same subnet again.
 * Undefined: the pool is used up.
 */
export function chooseSubnet(seed: string, taken: readonly Subnet[]): Subnet | undefined {
  const start = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) % POOL_SUBNETS;
  for (let i = 0; i < POOL_SUBNETS; i++) {
    const first = POOL_FIRST + ((start + i) % POOL_SUBNETS) * SUBNET_SIZE;
    const candidate = { first, last: first + SUBNET_SIZE - 1, prefix: SUBNET_PREFIX };
    if (!taken.some((subnet) => overlaps(subnet, candidate))) return candidate;
  }
  return undefined;
}

/** The lowest address of the subnet that is free. Network, broadcast and what is in `taken` are left out. Undefined: it is full. */
export function chooseAddress(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  for (let value = subnet.first + 1; value < subnet.last; value++) {
    const address = formatIpv4(value);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

export function firstAddress({ first }: Subnet): string {
  return formatIpv4(first + 1);
}
