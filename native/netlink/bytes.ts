import { NLA_ALIGNTO } from '../abi/netlink.ts';

/** One byte string of several. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** NLMSG_ALIGN and NLA_ALIGN: `((len) + 4 - 1) & ~(4 - 1)` */
export function align(length: number): number {
  return (length + NLA_ALIGNTO - 1) & ~(NLA_ALIGNTO - 1);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** netlink speaks the host's byte order, and every machine this runs on (x64, arm64) is little-endian. */
export const LITTLE_ENDIAN = true;
