// linux/netfilter/nfnetlink.h

/** nfgenmsg: u8 family, u8 version, be16 res_id. */
export const NFGENMSG_LENGTH = 4;
export const NFNETLINK_V0 = 0;
/** In the upper byte of a message's type. */
export const NFNL_SUBSYS_NFTABLES = 10;

// linux/netfilter.h

export const NF_DROP = 0;
/** As a family of nfgenmsg: all of them. */
export const NFPROTO_UNSPEC = 0;
export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_IPV6 = 10;

// linux/netfilter/nf_tables.h. Numbers in attributes are big-endian.

export const NFT_MSG_GETTABLE = 1;
export const NFT_MSG_GETCHAIN = 4;

export const NFTA_TABLE_NAME = 1;

export const NFTA_CHAIN_TABLE = 1;
export const NFTA_CHAIN_NAME = 3;
/** Of base chains alone. */
export const NFTA_CHAIN_HOOK = 4;
export const NFTA_CHAIN_POLICY = 5;
/** How many rules are in it, and how many jump to it. */
export const NFTA_CHAIN_USE = 6;
