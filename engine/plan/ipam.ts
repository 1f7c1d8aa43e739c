/**
 * Addresses. One /24 a network out of 10.128.0.0/10, which holds 16,384 of them; a container keeps what it had as long
 * as it can. Pure: what is taken comes in, what is given out goes back.
 */
import { IPv4, IPv4CidrRange } from 'ip-num';
import { sha256Hex } from './names.ts';

const POOL_FIRST = ipv4ToNumber('10.128.0.0');
const POOL_SUBNETS = 1 << 14;

export interface Subnet {
  /** First address, as a number. */
  readonly first: number;
  readonly prefix: number;
}

/** Throws on anything that isn't an IPv4 CIDR. Host bits are cleared. */
export function parseCidr(cidr: string): Subnet {
  const range = IPv4CidrRange.fromCidr(cidr);
  return { first: Number(range.getFirst().getValue()), prefix: Number(range.getPrefix().getValue()) };
}

export function formatSubnet(subnet: Subnet): string {
  return `${numberToIpv4(subnet.first)}/${subnet.prefix}`;
}

export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefix);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.first < b.first + sizeOf(b) && b.first < a.first + sizeOf(a);
}

export function contains(subnet: Subnet, address: string): boolean {
  const value = ipv4ToNumber(address);
  return value >= subnet.first && value < subnet.first + sizeOf(subnet);
}

/**
 * A free /24 for a network. Where to look first comes from the name, so that a network tends to get the same subnet again.
 * Undefined: the pool is used up.
 */
export function chooseSubnet(seed: string, taken: readonly Subnet[]): Subnet | undefined {
  const start = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) % POOL_SUBNETS;
  for (let i = 0; i < POOL_SUBNETS; i++) {
    const candidate = { first: POOL_FIRST + ((start + i) % POOL_SUBNETS) * 256, prefix: 24 };
    if (!taken.some((subnet) => overlaps(subnet, candidate))) return candidate;
  }
  return undefined;
}

/** The lowest address of the subnet that is free. Network, broadcast and what is in `taken` are left out. Undefined: it is full. */
export function chooseAddress(subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  const last = subnet.first + sizeOf(subnet) - 1;
  for (let value = subnet.first + 1; value < last; value++) {
    const address = numberToIpv4(value);
    if (!taken.has(address)) return address;
  }
  return undefined;
}

export function firstAddress(subnet: Subnet): string {
  return numberToIpv4(subnet.first + 1);
}

function ipv4ToNumber(address: string): number {
  return Number(new IPv4(address).getValue());
}

/** Dotted decimal; written out because ip-num's objects cost microseconds each and a full subnet is walked here. */
function numberToIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
