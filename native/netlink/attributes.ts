import { NLA_HDRLEN, NLA_TYPE_MASK } from '../abi/netlink.ts';
import { align, concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';

/** `struct nlattr` with its payload, padded to 4 bytes; the padding isn't counted in its length. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(NLA_HDRLEN + payload.length));
  const view = viewOf(bytes);
  view.setUint16(0, NLA_HDRLEN + payload.length, LITTLE_ENDIAN);
  view.setUint16(2, type, LITTLE_ENDIAN);
  bytes.set(payload, NLA_HDRLEN);
  return bytes;
}

/** Attributes in an attribute. Without NLA_F_NESTED, as iproute2 does: rtnetlink's nests are older than the flag. */
export function nested(type: number, attributes: readonly Uint8Array[]): Uint8Array {
  return attribute(type, concat(attributes));
}

export function u8Attribute(type: number, value: number): Uint8Array {
  return attribute(type, Uint8Array.of(value));
}

export function u32Attribute(type: number, value: number): Uint8Array {
  const payload = new Uint8Array(4);
  viewOf(payload).setUint32(0, value, LITTLE_ENDIAN);
  return attribute(type, payload);
}

/** NLA_NUL_STRING: with its NUL. */
export function stringAttribute(type: number, value: string): Uint8Array {
  return attribute(type, ENCODER.encode(`${value}\0`));
}

/** Type (without flags) → payload, a view into `bytes`. Of attributes of the same type the last counts, as in the kernel's nla_parse. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** `wanted`: the types that matter; undefined: all. Throws RangeError if an attribute reaches past the end. */
export function decodeAttributes(bytes: Uint8Array, wanted?: ReadonlySet<number>): Attributes {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  for (let offset = 0; offset + NLA_HDRLEN <= bytes.length; ) {
    const length = view.getUint16(offset, LITTLE_ENDIAN);
    if (length < NLA_HDRLEN || offset + length > bytes.length) {
      throw new RangeError(`netlink attribute of ${length} bytes at ${offset} of ${bytes.length}`);
    }
    const type = view.getUint16(offset + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK;
    if (wanted === undefined || wanted.has(type)) attributes.set(type, bytes.subarray(offset + NLA_HDRLEN, offset + length));
    offset += align(length);
  }
  return attributes;
}

export function u32Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload === undefined ? undefined : viewOf(payload).getUint32(0, LITTLE_ENDIAN);
}

/** Up to the first NUL. */
export function stringOf(attributes: Attributes, type: number): string | undefined {
  const payload = attributes.get(type);
  if (payload === undefined) return undefined;
  const end = payload.indexOf(0);
  return DECODER.decode(end === -1 ? payload : payload.subarray(0, end));
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
