import { TCA_KIND, TCMSG_LENGTH } from '../abi/pkt_sched.ts';
import { decodeAttributes, stringOf } from './attributes.ts';
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { ReceivedMessage } from './message.ts';

/** A qdisc, a class or a filter, as the record of a dump tells it. */
export interface TrafficControlRecord {
  readonly ifindex: number;
  readonly handle: number;
  /** Handle of what it is on; TC_H_ROOT: the link. */
  readonly parent: number;
  /** Of a filter: 1 … 65535. */
  readonly priority: number;
  readonly kind: string;
}

/** A dump of filters has a record with handle 0 for each priority, too (net/sched/cls_api.c, tcf_chain_dump). */
export function decodeTrafficControl(message: ReceivedMessage): TrafficControlRecord {
  const view = viewOf(message.body);
  return {
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    handle: view.getUint32(8, LITTLE_ENDIAN),
    parent: view.getUint32(12, LITTLE_ENDIAN),
    priority: view.getUint32(16, LITTLE_ENDIAN) >>> 16,
    kind: stringOf(decodeAttributes(message.body.subarray(TCMSG_LENGTH), WANTED), TCA_KIND) ?? '',
  };
}

const WANTED: ReadonlySet<number> = new Set([TCA_KIND]);
