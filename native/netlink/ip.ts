/** IP addresses of both families; of which one is, its bytes tell. */
import { AF_INET, AF_INET6 } from '../abi/socket.ts';
import { decodeIpv4, encodeIpv4 } from './ipv4.ts';
import { decodeIpv6, encodeIpv6 } from './ipv6.ts';

/** Four bytes, or sixteen. Throws RangeError if it isn't an address. */
export function encodeIp(address: string): Uint8Array {
  return address.includes(':') ? encodeIpv6(address) : encodeIpv4(address);
}

/** Canonical text. */
export function decodeIp(bytes: Uint8Array): string {
  return bytes.length === 16 ? decodeIpv6(bytes) : decodeIpv4(bytes);
}

/** AF_INET or AF_INET6 */
export function familyOf(address: Uint8Array): number {
  return address.length === 16 ? AF_INET6 : AF_INET;
}

/** `0.0.0.0` or `::`, the value of an address that a message leaves out. */
export function anyAddress(family: number): Uint8Array {
  return new Uint8Array(family === AF_INET6 ? 16 : 4);
}

/** `10.1.2.3/24` or `fd00::a/64` → address and prefix length. Throws RangeError. */
export function parseCidr(cidr: string): { readonly address: Uint8Array; readonly prefixLength: number } {
  const [text = '', length = '', ...rest] = cidr.split('/');
  const address = encodeIp(text);
  const prefixLength = Number(length);
  if (!/^\d{1,3}$/.test(length) || prefixLength > 8 * address.length || rest.length > 0) throw new RangeError(`\`${cidr}\` is not a CIDR`);
  return { address, prefixLength };
}

/** `10.1.2.3/24` → `10.1.2.0/24`. Throws RangeError. */
export function networkOf(cidr: string): string {
  const { address, prefixLength } = parseCidr(cidr);
  const kept = address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))));
  return `${decodeIp(kept)}/${prefixLength}`;
}
