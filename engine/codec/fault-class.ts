/** A class of a fault → what the kernel is told of it (tc-htb(8), tc-netem(8)): to be made, and to be compared with what is there. */
import { PSCHED_TICK_NS } from '../../native/abi/pkt_sched.ts';
import type { FaultClass, FaultQueue, HtbRates } from '../model/faults.ts';

export function htbRates({ rate: bits }: Pick<FaultClass, 'rate'>): HtbRates {
  const rate = bits === undefined ? MAX_BYTES_A_SECOND : Math.round(bits / 8);
  const bytes = LEAST_BURST_BYTES + Math.round(rate / BURSTS_A_SECOND);
  const burst = Math.max(1, Math.round((bytes / rate) * (1e9 / PSCHED_TICK_NS)));
  return { rate, ceil: rate, burst, ceilBurst: burst };
}

export function faultQueue(one: FaultClass): FaultQueue {
  const { queue } = one;
  if (queue.kind === 'drop') return { kind: 'pfifo', limit: 0 };
  if (queue.kind === 'fifo') return { kind: 'bfifo', limit: Math.max(LEAST_QUEUE_BYTES, Math.round(htbRates(one).rate / 10)) };
  return { kind: 'netem', limit: DELAYED_PACKETS, delayNs: Math.round(queue.ms * 1e6), jitterNs: Math.round(queue.jitterMs * 1e6) };
}

/** `struct tc_ratespec` holds 32 bits. */
const MAX_BYTES_A_SECOND = 0xffffffff;
/** A full packet, and what comes in 10 ms. */
const LEAST_BURST_BYTES = 1600;
const BURSTS_A_SECOND = 100;
/** Two packets as large as they get without being cut up (GSO); of a fast link what comes in 100 ms. */
const LEAST_QUEUE_BYTES = 128 << 10;
/** What a second of 10 Gbit/s holds in packets of 1500 bytes, and some. */
const DELAYED_PACKETS = 1_000_000;
