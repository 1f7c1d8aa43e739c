/** What a client has asked: the header, one question, and what it can take (RFC 1035, 4.1; RFC 6891). */
import { decode } from 'dns-packet';

export interface Query {
  /** 0 … 65535, to be given back. */
  readonly id: number;
  /** RD, given back as it was. */
  readonly recursionDesired: boolean;
  /** The question as it came, in the case it came in: it goes back as it is. */
  readonly question: Buffer;
  /** Lower case, without a dot at the end; empty: the root. */
  readonly name: string;
  readonly labels: number;
  /** QTYPE, a number: most types are none of ours. */
  readonly type: number;
  readonly class: number;
  /** Undefined: a client without EDNS, which takes 512 bytes over UDP. */
  readonly edns: { readonly payloadSize: number; readonly version: number } | undefined;
}

/** `error`: an RCODE to answer with. Undefined: nothing that could be answered. */
export type Parsed = { readonly query: Query } | { readonly error: number; readonly header: Buffer } | undefined;

export const HEADER_BYTES = 12;
const NOERROR = 0;
const FORMERR = 1;
const NOTIMP = 4;
export const OPT = 41;

const FLAG_QR = 0x8000;
const FLAG_RD = 0x0100;

export function parseQuery(packet: Buffer): Parsed {
  if (packet.length < HEADER_BYTES) return undefined;
  const flags = packet.readUInt16BE(2);
  // An answer must not be answered: two servers would talk for ever.
  if (flags & FLAG_QR) return undefined;
  const header = packet.subarray(0, HEADER_BYTES);
  if (((flags >> 11) & 0xf) !== 0) return { error: NOTIMP, header };
  // Counted before anything is decoded: a decoder makes room for as many as a packet claims. Two additional ones: OPT, and a signature.
  if (packet.readUInt16BE(4) !== 1 || packet.readUInt32BE(6) !== 0 || packet.readUInt16BE(10) > 2) return { error: FORMERR, header };
  const name = nameAt(packet, HEADER_BYTES);
  if (!name || name.end + 4 > packet.length) return { error: FORMERR, header };
  const edns = ednsOf(packet);
  if (edns === 'malformed') return { error: FORMERR, header };
  return {
    query: {
      id: packet.readUInt16BE(0),
      recursionDesired: (flags & FLAG_RD) !== 0,
      question: packet.subarray(HEADER_BYTES, name.end + 4),
      name: name.text,
      labels: name.labels,
      type: packet.readUInt16BE(name.end),
      class: packet.readUInt16BE(name.end + 2),
      edns,
    },
  };
}

interface NameAt {
  readonly text: string;
  readonly labels: number;
  /** Offset of what comes after it. */
  readonly end: number;
}

/** Without compression: there is nothing before the first name that it could point to. At most 255 bytes (RFC 1035, 3.1). */
function nameAt(packet: Buffer, start: number): NameAt | undefined {
  const labels: string[] = [];
  for (let at = start; at < packet.length; ) {
    const length = packet[at] ?? 0;
    if (length === 0) return at - start > 254 ? undefined : { text: labels.join('.').toLowerCase(), labels: labels.length, end: at + 1 };
    if (length > 63 || at + 1 + length > packet.length) return undefined;
    // One character a byte, whatever it is: no two labels become the same by being decoded.
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}

function ednsOf(packet: Buffer): Query['edns'] | 'malformed' {
  if (packet.readUInt16BE(10) === 0) return undefined;
  try {
    const found = (decode(packet).additionals ?? []).filter((record) => record.type === 'OPT');
    const [first, second] = found;
    if (second) return 'malformed';
    if (first?.type !== 'OPT') return undefined;
    return { payloadSize: first.udpPayloadSize, version: first.ednsVersion };
  } catch {
    // The decoder throws whatever it comes upon: errors of its own, RangeErrors of Buffer.
    return 'malformed';
  }
}

export function rcodeOf(packet: Buffer): number {
  return packet.length < HEADER_BYTES ? NOERROR : packet.readUInt16BE(2) & 0xf;
}

/** TC: it goes on over TCP. */
export function isTruncated(packet: Buffer): boolean {
  return packet.length >= HEADER_BYTES && (packet.readUInt16BE(2) & 0x0200) !== 0;
}

/** Whether `packet` answers this very question (RFC 5452, 3). Servers may give the name back in another case. */
export function isAnswerTo(packet: Buffer, { id, question }: Pick<Query, 'id' | 'question'>): boolean {
  const end = HEADER_BYTES + question.length;
  if (packet.length < end || packet.readUInt16BE(0) !== id || !(packet.readUInt16BE(2) & FLAG_QR) || packet.readUInt16BE(4) !== 1)
    return false;
  return packet.toString('latin1', HEADER_BYTES, end).toLowerCase() === question.toString('latin1').toLowerCase();
}
