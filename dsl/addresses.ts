import { formatIpv4, parseIpv4 } from './ipv4.ts';
import { canonicalIpv6 } from './ipv6.ts';

/** An IPv4 or IPv6 address in canonical text; IPv6 may be in brackets. Undefined: it is neither. */
export function canonicalAddress(text: string): string | undefined {
  const value = parseIpv4(text);
  if (value !== undefined) return formatIpv4(value);
  const [, bracketed] = /^\[(.*)\]$/.exec(text) ?? [];
  return canonicalIpv6(bracketed ?? text);
}

export function isIpv6(address: string): boolean {
  return address.includes(':');
}
