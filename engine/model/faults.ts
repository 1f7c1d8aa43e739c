/** Faults on purpose: what is to go wrong with packets between containers, and how a link is made to do it. */
import type { ContainerName } from './ids.ts';

/** A service, or one of its containers. */
export interface FaultEnd {
  readonly service: string;
  /** Undefined: all of them, those too that are still to come. */
  readonly container: ContainerName | undefined;
}

export interface FaultEffects {
  /** Nothing arrives. */
  readonly partition: boolean;
  /** Share of packets that get lost: over 0, up to 1. Undefined: none. */
  readonly loss: number | undefined;
  /** ms by which each packet is late, evenly spread over `ms` ± `jitterMs`; at most an hour. Undefined: none is. */
  readonly delay: { readonly ms: number; readonly jitterMs: number } | undefined;
  /** Bits a second, 8,000 … 34,000,000,000, for each pair of containers. Undefined: as fast as they can. */
  readonly rate: number | undefined;
}

/** What befalls packets from one end on their way to the other, on all networks both are on. */
export interface Fault {
  readonly from: FaultEnd;
  readonly to: FaultEnd;
  readonly effects: FaultEffects;
}

/** `from` and `to`: services or containers, as people name them: `api`, `api-1`. */
export interface FaultChange {
  readonly from: string;
  readonly to: string;
  /** Only from the first to the second; else both ways. */
  readonly oneWay: boolean;
  /** These change; what the pair has of others stays. */
  readonly effects: Partial<FaultEffects>;
}

/** Undefined: of all that there are. */
export type FaultPair = Pick<FaultChange, 'from' | 'to'> | undefined;

/** What befalls what arrives in a container through one of its links: a tree of classes at the link's end on the host. */
export interface FaultSpec {
  /** Of the host end. */
  readonly ifname: string;
  /** Of all the rest, 1 … 2^31 - 1. */
  readonly hash: number;
  readonly classes: readonly FaultClass[];
  readonly filters: readonly FaultFilter[];
}
export interface FaultClass {
  /** Bits a second. Undefined: no limit. */
  readonly rate: number | undefined;
  /** `drop`: what gets here is gone. */
  readonly queue:
    | { readonly kind: 'drop' }
    | { readonly kind: 'fifo' }
    | { readonly kind: 'delay'; readonly ms: number; readonly jitterMs: number };
}
/** What happens to packets from these addresses. A packet is for one filter at most. */
export interface FaultFilter {
  /** IPv4 and IPv6. */
  readonly sources: readonly string[];
  /** 0 … 1: the share that goes to the class `lost`. */
  readonly loss: number;
  /** Both are places in `classes`. `passed`: where the others go; undefined: they pass. */
  readonly lost: number | undefined;
  readonly passed: number | undefined;
}

/** What was found of ours on a link. */
export interface FaultState {
  readonly ifname: string;
  readonly filters: readonly { readonly priority: number; readonly handle: number }[];
  readonly classes: readonly FaultClassState[];
}
export interface FaultClassState extends HtbRates {
  /** Its number. */
  readonly minor: number;
  /** Undefined: only the one that a class is born with. */
  readonly queue: FaultQueue | { readonly kind: 'another'; readonly name: string } | undefined;
}

/** Of a class, in the kernel's units. */
export interface HtbRates {
  /** Bytes a second. */
  readonly rate: number;
  readonly ceil: number;
  /** What may leave at once after a pause, as the time that takes at `rate`, and at `ceil`: ticks of 64 ns. */
  readonly burst: number;
  readonly ceilBurst: number;
}

/** The leaf of a class, in the kernel's units. */
export type FaultQueue =
  /** `limit`: packets. With 0 of them it drops everything. */
  | { readonly kind: 'pfifo'; readonly limit: number }
  /** `limit`: bytes. */
  | { readonly kind: 'bfifo'; readonly limit: number }
  /** Each of at most `limit` packets is held back, evenly spread over `delayNs` ± `jitterNs`. */
  | { readonly kind: 'netem'; readonly limit: number; readonly delayNs: number; readonly jitterNs: number };
