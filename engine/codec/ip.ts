/** IP addresses and networks of both families as numbers, so that they can be compared and counted. */
import { formatIpv4, parseIpv4 } from '../../dsl/ipv4.ts';

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

export const BITS = { 4: 32, 6: 128 } as const;

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
  const [text = '', prefixText = '', ...rest] = cidr.split('/');
  const address = parseIp(text);
  const prefix = Number(prefixText);
  if (!address || rest.length > 0 || !/^\d{1,3}$/.test(prefixText) || prefix > BITS[address.family]) {
    throw new Error(`not an IP network: ${cidr}`);
  }
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

function parseIpv6(text: string): bigint | undefined {
  const [head = '', tail, ...rest] = text.split('::');
  if (rest.length > 0) return undefined;
  const before = groupsOf(head, tail === undefined);
  const after = groupsOf(tail ?? '', true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...new Array<string>(missing).fill('0'), ...after];
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

/** Groups in hex. `atEnd`: the last two may be written as IPv4. */
function groupsOf(text: string, atEnd: boolean): string[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parts.at(-1) ?? '';
  const ipv4 = atEnd && last.includes('.') ? parseIpv4(last) : undefined;
  const groups = ipv4 === undefined ? parts : [...parts.slice(0, -1), Math.floor(ipv4 / 65536).toString(16), (ipv4 % 65536).toString(16)];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups : undefined;
}

function formatIpv6(value: bigint): string {
  const hex = value.toString(16).padStart(32, '0');
  const groups = Array.from({ length: 8 }, (_, i) => hex.slice(4 * i, 4 * i + 4).replace(/^0{1,3}/, ''));
  // The longest run of zero groups, the first of equally long ones, and no run of one (RFC 5952, 4.2).
  const runs = [...groups.join(':').matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return groups.join(':');
  const text = groups.join(':');
  const at = text.search(new RegExp(`(?<![0-9a-f])${longest}(?![0-9a-f])`));
  const [head, tail] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${head.replace(/:$/, '')}::${tail.replace(/^:/, '')}`;
}
