/** IPv6 addresses as 128-bit numbers. */
import { formatIpv4, parseIpv4 } from './ipv4.ts';

/** An IPv6 network: its first and last address. */
export interface Ipv6Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly prefix: number;
}

/** The text forms of RFC 4291, 2.2, in either case. No zone (`%eth0`), no brackets, no prefix length. */
export function parseIpv6(text: string): bigint | undefined {
  const sides = withoutIpv4(text)?.split('::').map(readGroups);
  const [left, right] = sides ?? [];
  if (sides === undefined || sides.length > 2 || left === undefined || (sides.length === 2 && right === undefined)) return undefined;
  const written = left.length + (right?.length ?? 0);
  // `::` stands for one group or more.
  if (sides.length === 1 ? written !== GROUPS : written >= GROUPS) return undefined;
  const groups = [...left, ...Array.from({ length: GROUPS - written }, () => 0), ...(right ?? [])];
  return groups.reduce((value, group) => value * 65536n + BigInt(group), 0n);
}

/** `fd00:1::/64`. Host bits may be set: the range is that of the network. */
export function parseCidr6(text: string): (Ipv6Range & { readonly address: bigint }) | undefined {
  const [addressText, prefixText, ...rest] = text.split('/');
  const address = parseIpv6(addressText ?? '');
  if (address === undefined || prefixText === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (prefix > 128) return undefined;
  const size = 1n << BigInt(128 - prefix);
  const first = (address / size) * size;
  return { address, prefix, first, last: first + size - 1n };
}

/** Canonical text (RFC 5952): lower case, no leading zeros, the longest run of two or more zero groups as `::`, mapped IPv4 as such. */
export function formatIpv6(value: bigint): string {
  // RFC 5952, 5: a prefix known to hold an IPv4 address, ::ffff:0:0/96.
  if (value >> 32n === 0xffffn) return `::ffff:${formatIpv4(Number(value & 0xffffffffn))}`;
  const groups = Array.from({ length: GROUPS }, (_, index) => Number((value >> BigInt(16 * (GROUPS - 1 - index))) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** RFC 5952 of any valid text; undefined: it is none. */
export function canonicalIpv6(text: string): string | undefined {
  const value = parseIpv6(text);
  return value === undefined ? undefined : formatIpv6(value);
}

/** Unique local, fc00::/7 (RFC 4193): nobody routes it beyond a site. */
export function isUniqueLocal(address: bigint): boolean {
  return address >> 121n === 0xfcn >> 1n;
}

const GROUPS = 8;

/** A dotted quad at the end is its last two groups. */
function withoutIpv4(text: string): string | undefined {
  if (!text.includes('.')) return text;
  const at = text.lastIndexOf(':') + 1;
  const value = parseIpv4(text.slice(at));
  if (at === 0 || value === undefined) return undefined;
  return `${text.slice(0, at)}${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}`;
}

function readGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups.map((group) => Number.parseInt(group, 16)) : undefined;
}

/** The first of several that are equally long (RFC 5952, 4.2.3). */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    const end = groups.findIndex((group, index) => index >= start && group !== 0);
    const length = (end < 0 ? groups.length : end) - start;
    if (length > best.length) best = { start, length };
  }
  return best;
}
