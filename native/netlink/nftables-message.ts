/** What tables and chains of nftables there are: names, hooks and policies, without rules. */
import {
  NF_DROP,
  NFGENMSG_LENGTH,
  NFNETLINK_V0,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFPROTO_UNSPEC,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETTABLE,
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_USE,
  NFTA_TABLE_NAME,
} from '../abi/nf_tables.ts';
import { type Attributes, decodeAttributes, stringOf } from './attributes.ts';
import { viewOf } from './bytes.ts';
import type { Message, ReceivedMessage } from './message.ts';

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'other';

export interface NftTableRecord {
  readonly family: NftFamily;
  readonly name: string;
}

export interface NftChainRecord {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  /** Packets come to it by themselves. */
  readonly hooked: boolean;
  /** Of those: what no rule decides about is dropped. */
  readonly drops: boolean;
  /** How many rules are in it, and how many jump to it. */
  readonly uses: number;
}

/** A dump of all families. */
export function getNftTables(): Message {
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, flags: 0, body: nfgenmsg(), about: 'tables of nftables' };
}

export function getNftChains(): Message {
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, flags: 0, body: nfgenmsg(), about: 'chains of nftables' };
}

export function decodeNftTable({ body }: ReceivedMessage): NftTableRecord {
  const attributes = decodeAttributes(body.subarray(NFGENMSG_LENGTH));
  return { family: familyOf(body), name: stringOf(attributes, NFTA_TABLE_NAME) ?? '' };
}

export function decodeNftChain({ body }: ReceivedMessage): NftChainRecord {
  const attributes = decodeAttributes(body.subarray(NFGENMSG_LENGTH));
  const hooked = attributes.has(NFTA_CHAIN_HOOK);
  return {
    family: familyOf(body),
    table: stringOf(attributes, NFTA_CHAIN_TABLE) ?? '',
    name: stringOf(attributes, NFTA_CHAIN_NAME) ?? '',
    hooked,
    drops: hooked && be32Of(attributes, NFTA_CHAIN_POLICY) === NF_DROP,
    uses: be32Of(attributes, NFTA_CHAIN_USE) ?? 0,
  };
}

function nfgenmsg(): Uint8Array {
  return Uint8Array.of(NFPROTO_UNSPEC, NFNETLINK_V0, 0, 0);
}

function familyOf(body: Uint8Array): NftFamily {
  return FAMILIES.get(body[0] ?? 0) ?? 'other';
}

const FAMILIES: ReadonlyMap<number, NftFamily> = new Map([
  [NFPROTO_INET, 'inet'],
  [NFPROTO_IPV4, 'ip'],
  [NFPROTO_IPV6, 'ip6'],
]);

function be32Of(attributes: Attributes, type: number): number | undefined {
  const payload = attributes.get(type);
  return payload === undefined ? undefined : viewOf(payload).getUint32(0, false);
}
