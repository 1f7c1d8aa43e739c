import {
  TCA_HTB_PARMS,
  TCA_KIND,
  TCA_NETEM_CORRUPT,
  TCA_NETEM_JITTER64,
  TCA_NETEM_LATENCY64,
  TCA_NETEM_RATE,
  TCA_OPTIONS,
  TCMSG_LENGTH,
} from '../abi/pkt_sched.ts';
import { decodeAttributes, stringOf } from './attributes.ts';
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { ReceivedMessage } from './message.ts';
import type { HtbClassOptions, Queue } from './traffic-control-message.ts';

/** A qdisc, a class or a filter, as the record of a dump tells it. */
export interface TrafficControlRecord {
  readonly ifindex: number;
  readonly handle: number;
  /** Handle of what it is on; TC_H_ROOT: the link. */
  readonly parent: number;
  /** Of a filter: 1 … 65535. */
  readonly priority: number;
  readonly kind: string;
  /** What it was told, in the way of its kind. */
  readonly options: Uint8Array;
}

/** A dump of filters has a record with handle 0 for each priority, too (net/sched/cls_api.c, tcf_chain_dump). */
export function decodeTrafficControl(message: ReceivedMessage): TrafficControlRecord {
  const view = viewOf(message.body);
  const attributes = decodeAttributes(message.body.subarray(TCMSG_LENGTH), WANTED);
  return {
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    handle: view.getUint32(8, LITTLE_ENDIAN),
    parent: view.getUint32(12, LITTLE_ENDIAN),
    priority: view.getUint32(16, LITTLE_ENDIAN) >>> 16,
    kind: stringOf(attributes, TCA_KIND) ?? '',
    // A copy: what was received is overwritten by what comes next.
    options: attributes.get(TCA_OPTIONS)?.slice() ?? new Uint8Array(),
  };
}

const WANTED: ReadonlySet<number> = new Set([TCA_KIND, TCA_OPTIONS]);

/** The `struct tc_htb_opt` of a class, which has two of `struct tc_ratespec`. */
export function decodeHtbClass(options: Uint8Array): HtbClassOptions {
  const parms = decodeAttributes(options).get(TCA_HTB_PARMS) ?? new Uint8Array();
  const u32 = (offset: number) => u32At(parms, offset);
  return { rate: u32(8), ceil: u32(20), burst: u32(24), ceilBurst: u32(28) };
}

/** A qdisc of another kind is `another`, and so is a netem that does more than to hold packets back. */
export function decodeQueue({ kind, options }: Pick<TrafficControlRecord, 'kind' | 'options'>): Queue | AnotherQueue {
  if (kind === 'pfifo' || kind === 'bfifo') return { kind, limit: u32At(options, 0) };
  if (kind !== 'netem') return { kind: 'another', name: kind };
  // struct tc_netem_qopt { __u32 latency, limit, loss, gap, duplicate, jitter; }
  const attributes = decodeAttributes(options.subarray(NETEM_QOPT_LENGTH));
  const first = (type: number) => u32At(attributes.get(type) ?? new Uint8Array(), 0);
  const more = [u32At(options, 8), u32At(options, 12), u32At(options, 16), first(TCA_NETEM_CORRUPT), first(TCA_NETEM_RATE)];
  if (more.some((value) => value !== 0)) return { kind: 'another', name: kind };
  const ns = (type: number) => s64At(attributes.get(type) ?? new Uint8Array());
  return { kind, limit: u32At(options, 4), delayNs: ns(TCA_NETEM_LATENCY64), jitterNs: ns(TCA_NETEM_JITTER64) };
}

interface AnotherQueue {
  readonly kind: 'another';
  readonly name: string;
}

const NETEM_QOPT_LENGTH = 24;

/** What an older kernel doesn't tell is 0. */
function u32At(bytes: Uint8Array, offset: number): number {
  return offset + 4 <= bytes.length ? viewOf(bytes).getUint32(offset, LITTLE_ENDIAN) : 0;
}

function s64At(bytes: Uint8Array): number {
  return bytes.length < 8 ? 0 : Number(viewOf(bytes).getBigInt64(0, LITTLE_ENDIAN));
}
