/** Answers as bytes. What records hold is encoded once, when a zone is made; here it is only put together. */
import { type Answer, encode } from 'dns-packet';
import { HEADER_BYTES, OPT, type Query } from './query.ts';

export const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;

/**
 * Seconds. Who asks again at once gets by with what it has; and a container that has ended or has come back is found two seconds later even
 * by those who remember answers, which musl and glibc don't.
 */
const TTL_SECONDS = 2;

/** What goes through every network unfragmented (dnsflagday.net/2020). Also what we say that we take. */
const PAYLOAD_SIZE = 1232;
/** Of a client without EDNS (RFC 1035, 4.2.1). */
const PLAIN_SIZE = 512;
const TCP_SIZE = 65_535;

/** All of a record but its name: type, class, TTL, length and data. */
export type RecordTail = Buffer;

export function recordTail(record: DistributiveOmit<Answer, 'name' | 'class' | 'ttl'>): RecordTail {
  const whole = encode({ type: 'response', answers: [{ ...record, name: '.', class: 'IN', ttl: TTL_SECONDS } as Answer] });
  return whole.subarray(HEADER_BYTES + 1);
}
type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/**
 * Says how long "there is none" may be remembered (RFC 2308, 3). It stands in every zone that a name of ours may be said to be in: that of
 * the root. `localhost` and `nobody.invalid` as in RFC 6303, for zones that nobody else may ask.
 */
const SOA = Buffer.concat([
  Buffer.from([0]),
  recordTail({
    type: 'SOA',
    data: { mname: 'localhost', rname: 'nobody.invalid', serial: 1, refresh: 3600, retry: 1200, expire: 604_800, minimum: TTL_SECONDS },
  }),
]);

export interface Reply {
  readonly rcode: number;
  /** Of the name that was asked for. */
  readonly records: readonly RecordTail[];
}

/** AA: nobody knows better. `overTcp`: there is room for all. */
export function encodeReply(query: Query, { rcode, records }: Reply, overTcp: boolean): Buffer {
  const limit = sizeLimit(query, overTcp);
  const opt = query.edns ? optRecord(rcode) : NOTHING;
  const isNegative = records.length === 0 && (rcode === RCODE.noError || rcode === RCODE.nxDomain);
  const authority = isNegative ? SOA : NOTHING;
  let size = HEADER_BYTES + query.question.length + authority.length + opt.length;
  let count = 0;
  for (const tail of records) {
    if (size + 2 + tail.length > limit) break;
    size += 2 + tail.length;
    count++;
  }
  const reply = Buffer.allocUnsafe(size);
  reply.writeUInt16BE(query.id, 0);
  const truncated = count < records.length ? 0x0200 : 0;
  reply.writeUInt16BE(0x8480 | truncated | (query.recursionDesired ? 0x0100 : 0) | (rcode & 0xf), 2);
  reply.writeUInt16BE(1, 4);
  reply.writeUInt16BE(count, 6);
  reply.writeUInt16BE(isNegative ? 1 : 0, 8);
  reply.writeUInt16BE(query.edns ? 1 : 0, 10);
  let at = HEADER_BYTES + query.question.copy(reply, HEADER_BYTES);
  for (let i = 0; i < count; i++) {
    // A pointer to the name in the question (RFC 1035, 4.1.4).
    at = reply.writeUInt16BE(0xc000 | HEADER_BYTES, at);
    at += records[i]?.copy(reply, at) ?? 0;
  }
  at += authority.copy(reply, at);
  opt.copy(reply, at);
  return reply;
}

/** For one of whom only the header could be read. */
export function encodeError(header: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES);
  header.copy(reply, 0, 0, 2);
  reply.writeUInt16BE(0x8080 | (header.readUInt16BE(2) & 0x7900) | rcode, 2);
  return reply;
}

/** What somebody else has answered, cut to what the client takes: then it asks again, over TCP. */
export function fitReply(query: Query, reply: Buffer, overTcp: boolean): Buffer {
  if (reply.length <= forwardedLimit(query, overTcp)) return reply;
  const cut = Buffer.concat([reply.subarray(0, HEADER_BYTES), query.question]);
  cut.writeUInt16BE(cut.readUInt16BE(2) | 0x0200, 2);
  cut.fill(0, 6, HEADER_BYTES);
  return cut;
}

export function serverFailure(query: Query): Buffer {
  return encodeReply(query, { rcode: RCODE.servFail, records: [] }, true);
}

function sizeLimit({ edns }: Query, overTcp: boolean): number {
  if (overTcp) return TCP_SIZE;
  return edns ? Math.min(Math.max(edns.payloadSize, PLAIN_SIZE), PAYLOAD_SIZE) : PLAIN_SIZE;
}

/** It came to us whole, so the wire takes it: only the client's own size counts. */
function forwardedLimit({ edns }: Query, overTcp: boolean): number {
  return overTcp ? TCP_SIZE : Math.max(edns?.payloadSize ?? PLAIN_SIZE, PLAIN_SIZE);
}

/** The upper eight of the twelve bits of an RCODE are in the OPT record (RFC 6891, 6.1.3). */
function optRecord(rcode: number): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(OPT, 1);
  opt.writeUInt16BE(PAYLOAD_SIZE, 3);
  opt.writeUInt8(rcode >> 4, 5);
  return opt;
}

const NOTHING = Buffer.alloc(0);
