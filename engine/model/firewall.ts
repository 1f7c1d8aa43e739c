/** `filter` and `nat` are IPv4's, the others those of the same name that ip6tables keeps. */
export type IptablesTable = 'filter' | 'nat' | 'filter6' | 'nat6';

/** A rule of ours. Marks are compared and never text, which iptables-save rewrites (`--dport 80` comes back as `-m tcp --dport 80`). */
export interface ChainRule {
  /** As iptables-restore takes it, without `-A CHAIN` and without the comment that bears the mark. */
  readonly text: string;
  /** Eight hexadecimal digits: a hash of `text`. */
  readonly mark: string;
}

/** A chain of ours. */
export interface Chain {
  readonly name: string;
  readonly rules: readonly ChainRule[];
}

/** A rule in a built-in chain that leads into one of ours. */
export interface Jump {
  readonly builtin: 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';
  /** Before everything else; or after everything but a rule that refuses whatever comes. */
  readonly position: 'first' | 'last';
  /** Matches before `-j`, e.g. `-m addrtype --dst-type LOCAL`. */
  readonly match: string;
  readonly chain: string;
  /** As in ChainRule, of match and chain. */
  readonly mark: string;
}

export interface TableContent {
  readonly chains: readonly Chain[];
  readonly jumps: readonly Jump[];
}

/** What of ours is in a table, and what of others' decides where ours go. */
export interface TableState {
  readonly table: IptablesTable;
  readonly chains: readonly ChainState[];
  readonly jumps: readonly JumpState[];
  /** Built-in chain → number of the first rule in it that refuses whatever comes, from 1. Those without one are left out. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** A chain of this stack. Of each of its rules the mark; undefined: it bears none, so it isn't ours. */
export interface ChainState {
  readonly name: string;
  readonly marks: readonly (string | undefined)[];
}

/** A jump into one of them. */
export interface JumpState {
  readonly builtin: string;
  readonly chain: string;
  /** As iptables-save prints it, without `-A CHAIN`: what deletes it. */
  readonly rule: string;
  readonly mark: string | undefined;
  /** Number of the rule in its chain, from 1. */
  readonly number: number;
  /** A rule comes before it that isn't a jump into a chain of some stack of ours. */
  readonly afterOthers: boolean;
}
