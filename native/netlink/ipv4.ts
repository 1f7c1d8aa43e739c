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

const DOTTED_QUAD = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
