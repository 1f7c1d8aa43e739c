export type IptablesTable = 'filter' | 'nat';

/** A chain of ours. Rules as iptables-restore takes them, without `-A CHAIN`. */
export interface Chain {
  readonly name: string;
  readonly rules: readonly string[];
}

/** A rule in a built-in chain that leads into one of ours. */
export interface Jump {
  readonly builtin: 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
  /** Before everything else, or after. */
  readonly position: 'first' | 'last';
  /** Matches before `-j`, e.g. `-m addrtype --dst-type LOCAL`. */
  readonly match: string;
  readonly chain: string;
}

export interface TableContent {
  readonly chains: readonly Chain[];
  readonly jumps: readonly Jump[];
  /** Hash of chains and jumps. Each of our chains bears it in a comment: rule text isn't compared, because iptables-save rewrites it. */
  readonly hash: string;
}

/** What of ours is in a table. */
export interface TableState {
  readonly table: IptablesTable;
  /** Our chains of this stack that are there, with the hash in their comment and their number of rules. */
  readonly chains: readonly { readonly name: string; readonly hash: string | undefined; readonly rules: number }[];
  /** Jumps into them that are there. */
  readonly jumps: readonly { readonly builtin: string; readonly chain: string; readonly rule: string }[];
}
