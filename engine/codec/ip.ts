/** IP addresses and networks of both families as numbers, so that they can be compared and counted. */
import { formatIpv4, parseIpv4 } from '../../dsl/ipv4.ts';
import { formatIpv6, parseIpv6 } from '../../dsl/ipv6.ts';

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A network: its first and its last address. */
export interface IpRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Undefined: no IP address. Of IPv6 every form of RFC 4291, 2.2, without a zone index. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { family: 4, value: BigInt(value) };
  }
  const value = parseIpv6(text);
  return value === undefined ? undefined : { family: 6, value };
}

/** Canonical text: dotted quad, or RFC 5952. */
export function formatIp({ family, value }: IpAddress): string {
  return family === 4 ? formatIpv4(Number(value)) : formatIpv6(value);
}

/** Throws on anything that isn't a CIDR: what comes here was checked before. Host bits are cleared. */
export function parseNetwork(cidr: string): IpRange {
  const slash = cidr.indexOf('/');
  const address = slash < 0 ? undefined : parseIp(cidr.slice(0, slash));
  const prefixText = cidr.slice(slash + 1);
  const prefix = Number(prefixText);
  if (!address || !/^\d{1,3}$/.test(prefixText) || prefix > BITS[address.family]) throw new Error(`not an IP network: ${cidr}`);
  const hostBits = BigInt(BITS[address.family] - prefix);
  const first = (address.value >> hostBits) << hostBits;
  return { family: address.family, prefix, first, last: first + (1n << hostBits) - 1n };
}

export function formatNetwork({ family, first, prefix }: IpRange): string {
  return `${formatIp({ family, value: first })}/${prefix}`;
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

export function rangeHolds({ family, first, last }: IpRange, address: string): boolean {
  const parsed = parseIp(address);
  return parsed?.family === family && parsed.value >= first && parsed.value <= last;
}
