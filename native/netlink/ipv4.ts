/** `10.1.2.3` → four bytes. Throws RangeError if it isn't a dotted quad. */
export function encodeIpv4(address: string): Uint8Array {
  if (!DOTTED_QUAD.test(address)) throw new RangeError(`\`${address}\` is not an IPv4 address`);
  const bytes = address.split('.').map(Number);
  if (bytes.some((byte) => byte > 255)) throw new RangeError(`\`${address}\` is not an IPv4 address`);
  return Uint8Array.from(bytes);
}

export function decodeIpv4(bytes: Uint8Array): string {
  return bytes.join('.');
}

/** `10.1.2.3/24` → address and prefix length. Throws RangeError. */
export function parseCidr(cidr: string): { readonly address: Uint8Array; readonly prefixLength: number } {
  const [address = '', length = '', ...rest] = cidr.split('/');
  const prefixLength = Number(length);
  if (!/^\d{1,2}$/.test(length) || prefixLength > 32 || rest.length > 0) throw new RangeError(`\`${cidr}\` is not an IPv4 CIDR`);
  return { address: encodeIpv4(address), prefixLength };
}

/** `10.1.2.3/24` → `10.1.2.0/24`. Throws RangeError. */
export function networkOf(cidr: string): string {
  const { address, prefixLength } = parseCidr(cidr);
  const kept = address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))));
  return `${decodeIpv4(kept)}/${prefixLength}`;
}

const DOTTED_QUAD = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
