/** The firewall of a stack in the words of nftables: one table of its own, in which everything is ours. */

/** Desired. What rules say of networks and ports is in sets and maps, so that neither their number nor a look-up grows with these. */
export interface NftablesSpec {
  /** Of family `inet`: `tsstack-3f9a1c2e`. */
  readonly name: string;
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChain[];
}

/** Data types of nft(8). */
export type NftType = 'ifname' | 'ipv4_addr' | 'ipv6_addr' | 'inet_proto' | 'inet_service';

/** A set, or a map if it has a value. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftType[];
  readonly value: readonly NftType[] | 'verdict' | undefined;
  /** Elements are prefixes. */
  readonly interval: boolean;
  /** Sorted. As nft prints them, without quotes: `tcp . 8080 : 10.128.0.2 . 80`, `10.128.0.0/24 : goto from-ts-front-3f9a1c`. */
  readonly elements: readonly string[];
}

export interface NftChain {
  readonly name: string;
  /** Undefined: it is only jumped to. */
  readonly base: NftHook | undefined;
  readonly rules: readonly NftRule[];
}

export interface NftHook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}

export interface NftRule {
  /** As nft takes it. */
  readonly text: string;
  /** Its comment: `tsstack:` and a hash of the text, which is never compared itself, since nft prints rules in its own way. */
  readonly comment: string;
}

/** What is there of it. */
export interface NftablesState {
  readonly name: string;
  readonly sets: readonly NftSet[];
  readonly chains: readonly NftChainState[];
}

export interface NftChainState {
  readonly name: string;
  readonly base: (Omit<NftHook, 'type' | 'hook'> & { readonly type: string; readonly hook: string; readonly policy: string }) | undefined;
  /** The comments of its rules, in order; undefined: it has none, so it isn't ours. */
  readonly rules: readonly (string | undefined)[];
}

/** From what is there to what must be, without touching what is right already. */
export interface NftablesChange {
  readonly name: string;
  /** Made if they aren't there, and filled anew. */
  readonly chains: readonly NftChain[];
  readonly staleChains: readonly string[];
  readonly sets: readonly { readonly set: NftSet; readonly add: readonly string[]; readonly remove: readonly string[] }[];
}
