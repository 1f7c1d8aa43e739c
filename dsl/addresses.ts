import { formatIpv4, parseIpv4 } from './ipv4.ts';
import { canonicalIpv6 } from './ipv6.ts';

/** An IPv4 or IPv6 address in canonical text; IPv6 may be in brackets. Undefined: it is neither. */
export function canonicalAddress(text: string): string | undefined {
  const value = parseIpv4(text);
  if (value !== undefined) return formatIpv4(value);
  const [, bracketed] = /^\[(.*)\]$/.exec(text) ?? [];
  return canonicalIpv6(bracketed ?? text);
}

/** Of an address or a CIDR that is one of either family. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

/** All addresses of a family. */
export function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Of 127.0.0.0/8 (RFC 1122, 3.2.1.3). IPv6 has one address of that kind, ::1. */
export function isLoopback4(address: string): boolean {
  return address.startsWith('127.');
}

/** As before a port: `127.0.0.1`, `[::1]`. */
export function bracketed(address: string): string {
  return isIpv6(address) ? `[${address}]` : address;
}

/** `127.0.0.1:80`, `[::1]:80` */
export function socketText(address: string, port: number): string {
  return `${bracketed(address)}:${port}`;
}
