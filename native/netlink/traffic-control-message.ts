/** Queueing disciplines, their classes and filters as rtnetlink messages (tc(8); linux/pkt_sched.h, linux/pkt_cls.h). */
import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import {
  ETH_P_ALL,
  HTB_VERSION,
  TC_H_ROOT,
  TC_LINKLAYER_ETHERNET,
  TCA_BPF_OPS,
  TCA_BPF_OPS_LEN,
  TCA_HTB_INIT,
  TCA_HTB_PARMS,
  TCA_KIND,
  TCA_NETEM_JITTER64,
  TCA_NETEM_LATENCY64,
  TCA_OPTIONS,
  TCMSG_LENGTH,
} from '../abi/pkt_sched.ts';
import {
  RTM_DELQDISC,
  RTM_DELTCLASS,
  RTM_DELTFILTER,
  RTM_GETQDISC,
  RTM_GETTCLASS,
  RTM_GETTFILTER,
  RTM_NEWQDISC,
  RTM_NEWTCLASS,
  RTM_NEWTFILTER,
} from '../abi/rtnetlink.ts';
import { attribute, nested, stringAttribute } from './attributes.ts';
import { concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { Message } from './message.ts';

/** A queue as the leaf of a class. */
export type Queue =
  /** First in, first out; `limit` packets. With 0 of them it drops everything. */
  | { readonly kind: 'pfifo'; readonly limit: number }
  /** `limit` bytes. */
  | { readonly kind: 'bfifo'; readonly limit: number }
  /** Each of at most `limit` packets is held back, evenly spread over `delayNs` ± `jitterNs`. */
  | { readonly kind: 'netem'; readonly limit: number; readonly delayNs: number; readonly jitterNs: number };

/** Hierarchical token bucket as the root: what no filter gives to a class passes at once. EEXIST: there is a root that somebody has made. */
export function newHtb(ifindex: number, handle: number): Message {
  const init = u32s([HTB_VERSION, RATE_TO_QUANTUM, 0, 0, 0]);
  const options = nested(TCA_OPTIONS, [attribute(TCA_HTB_INIT, init)]);
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: body({ ifindex, handle, parent: TC_H_ROOT }, [kind('htb'), options]),
    about: 'htb',
  };
}

export interface HtbClass {
  readonly ifindex: number;
  /** Major number of the qdisc, minor of its own. */
  readonly handle: number;
  /** Handle of the qdisc. */
  readonly parent: number;
}

export interface HtbClassOptions {
  /** Bytes a second, 1 … 2^32 - 1. */
  readonly rate: number;
  readonly ceil: number;
  /** What may leave at once after a pause, as the time that takes at `rate`, and at `ceil`: ticks of 64 ns. */
  readonly burst: number;
  readonly ceilBurst: number;
}

/** `struct tc_htb_opt { struct tc_ratespec rate, ceil; __u32 buffer, cbuffer, quantum, level, prio; }` */
export function newHtbClass({ ifindex, handle, parent }: HtbClass, { rate, ceil, burst, ceilBurst }: HtbClassOptions): Message {
  const quantum = Math.min(MAX_QUANTUM, Math.max(MIN_QUANTUM, Math.round(rate / RATE_TO_QUANTUM)));
  const parms = concat([rateSpec(rate), rateSpec(ceil), u32s([burst, ceilBurst, quantum, 0, 0])]);
  const options = nested(TCA_OPTIONS, [attribute(TCA_HTB_PARMS, parms)]);
  return {
    type: RTM_NEWTCLASS,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: body({ ifindex, handle, parent }, [kind('htb'), options]),
    about: 'htb class',
  };
}

/** The leaf of a class, in place of the one it was born with. The kernel chooses its handle. */
export function newQueue(ifindex: number, parent: number, queue: Queue): Message {
  const options = attribute(TCA_OPTIONS, queueOptions(queue));
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE,
    body: body({ ifindex, handle: 0, parent }, [kind(queue.kind), options]),
    about: queue.kind,
  };
}

function queueOptions(queue: Queue): Uint8Array {
  if (queue.kind !== 'netem') return u32s([queue.limit]);
  // struct tc_netem_qopt { __u32 latency, limit, loss, gap, duplicate, jitter; }: its times are too short for nanoseconds.
  const qopt = u32s([0, queue.limit, 0, 0, 0, 0]);
  return concat([qopt, s64Attribute(TCA_NETEM_LATENCY64, queue.delayNs), s64Attribute(TCA_NETEM_JITTER64, queue.jitterNs)]);
}

/**
 * Asks the kernel for a qdisc without the options it can't do without: EINVAL says that there is such a kind (its module was loaded if need
 * be), ENOENT that there is none. Changes nothing.
 */
export function probeQdisc(ifindex: number, name: string): Message {
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: body({ ifindex, handle: 0, parent: TC_H_ROOT }, [kind(name)]),
    about: name,
  };
}

export interface BpfFilter {
  readonly ifindex: number;
  /** Handle of the qdisc. */
  readonly parent: number;
  /** 1 … 65535: lower ones are asked first. */
  readonly priority: number;
  /** 1 … 2^32 - 1; free to choose. */
  readonly handle: number;
  /** Instructions of classic BPF, `struct sock_filter` each. It returns the class's handle, or 0: the next filter is asked. */
  readonly program: Uint8Array;
}

export function newBpfFilter({ ifindex, parent, priority, handle, program }: BpfFilter): Message {
  const count = new Uint8Array(2);
  viewOf(count).setUint16(0, program.length / SOCK_FILTER_LENGTH, LITTLE_ENDIAN);
  const options = nested(TCA_OPTIONS, [attribute(TCA_BPF_OPS_LEN, count), attribute(TCA_BPF_OPS, program)]);
  return {
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: body({ ifindex, handle, parent, info: filterInfo(priority) }, [kind('bpf'), options]),
    about: 'bpf',
  };
}

/** The root, and all that is below it. EINVAL: the root has another handle, be it the one that the link was born with. */
export function deleteRoot(ifindex: number, handle: number): Message {
  return { type: RTM_DELQDISC, flags: 0, body: body({ ifindex, handle, parent: TC_H_ROOT }, []) };
}

export function deleteClass(ifindex: number, handle: number): Message {
  return { type: RTM_DELTCLASS, flags: 0, body: body({ ifindex, handle, parent: 0 }, []) };
}

/** All filters of one priority. */
export function deleteFilters(ifindex: number, parent: number, priority: number): Message {
  return { type: RTM_DELTFILTER, flags: 0, body: body({ ifindex, handle: 0, parent, info: filterInfo(priority) }, []) };
}

/** Those of all links, leaves included. */
export function getQdiscs(): Message {
  return { type: RTM_GETQDISC, flags: 0, body: body({ ifindex: 0, handle: 0, parent: 0 }, []) };
}

/** Of one qdisc. */
export function getClasses(ifindex: number, qdisc: number): Message {
  return { type: RTM_GETTCLASS, flags: 0, body: body({ ifindex, handle: 0, parent: qdisc }, []) };
}

/** Of one qdisc. */
export function getFilters(ifindex: number, qdisc: number): Message {
  return { type: RTM_GETTFILTER, flags: 0, body: body({ ifindex, handle: 0, parent: qdisc }, []) };
}

interface Header {
  readonly ifindex: number;
  readonly handle: number;
  readonly parent: number;
  readonly info?: number;
}

/** `struct tcmsg` and attributes. */
function body({ ifindex, handle, parent, info = 0 }: Header, attributes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(TCMSG_LENGTH);
  const view = viewOf(bytes);
  view.setInt32(4, ifindex, LITTLE_ENDIAN);
  view.setUint32(8, handle, LITTLE_ENDIAN);
  view.setUint32(12, parent, LITTLE_ENDIAN);
  view.setUint32(16, info, LITTLE_ENDIAN);
  return concat([bytes, ...attributes]);
}

/** TC_H_MAKE(priority << 16, htons(ETH_P_ALL)) */
function filterInfo(priority: number): number {
  return ((priority << 16) | (ETH_P_ALL << 8)) >>> 0;
}

function kind(name: string): Uint8Array {
  return stringAttribute(TCA_KIND, name);
}

/** `struct tc_ratespec { __u8 cell_log, linklayer; __u16 overhead; __s16 cell_align; __u16 mpu; __u32 rate; }` */
function rateSpec(rate: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setUint8(1, TC_LINKLAYER_ETHERNET);
  view.setUint32(8, rate, LITTLE_ENDIAN);
  return bytes;
}

function u32s(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = viewOf(bytes);
  values.forEach((value, index) => {
    view.setUint32(4 * index, value, LITTLE_ENDIAN);
  });
  return bytes;
}

function s64Attribute(type: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setBigInt64(0, BigInt(value), LITTLE_ENDIAN);
  return attribute(type, bytes);
}

/** Of `struct sock_filter`. */
const SOCK_FILTER_LENGTH = 8;
/** As tc(8) has it. Classes have a quantum of their own, so that it isn't used; the kernel divides by it all the same. */
const RATE_TO_QUANTUM = 10;
/** Bytes: a packet at least, and less than what the kernel warns of (net/sched/sch_htb.c). */
const MIN_QUANTUM = 1514;
const MAX_QUANTUM = 60_000;
