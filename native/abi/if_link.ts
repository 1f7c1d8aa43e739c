// linux/if.h

/** Length of an ifname with its NUL. */
export const IFNAMSIZ = 16;
/** Longest ifalias, its NUL not counted. */
export const IFALIASZ = 256;
export const IFF_UP = 0x1;

// linux/if_link.h

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
/** ifindex of what it is on, in IFLA_LINK_NETNSID. */
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_PROTINFO = 12;
export const IFLA_LINKINFO = 18;
export const IFLA_NET_NS_PID = 19;
export const IFLA_IFALIAS = 20;
export const IFLA_AF_SPEC = 26;
export const IFLA_GROUP = 27;
export const IFLA_EXT_MASK = 29;
export const IFLA_NUM_TX_QUEUES = 31;
export const IFLA_NUM_RX_QUEUES = 32;

/** Nested in IFLA_LINKINFO. */
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
/** What its master has to say of it. */
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_INFO_SLAVE_DATA = 5;

/** Nested in IFLA_INFO_DATA of a bridge. */
export const IFLA_BR_STP_STATE = 5;

/** Of a bridge's port: nested in IFLA_PROTINFO, and in IFLA_INFO_SLAVE_DATA. Hairpin mode. */
export const IFLA_BRPORT_MODE = 4;

/** Nested in IFLA_INFO_DATA of a macvlan. */
export const IFLA_MACVLAN_MODE = 1;
export const MACVLAN_MODE_PRIVATE = 1;
export const MACVLAN_MODE_VEPA = 2;
export const MACVLAN_MODE_BRIDGE = 4;
export const MACVLAN_MODE_PASSTHRU = 8;

/** Nested in AF_INET6 in IFLA_AF_SPEC. */
export const IFLA_INET6_ADDR_GEN_MODE = 8;
export const IN6_ADDR_GEN_MODE_NONE = 1;

// linux/veth.h

/** Nested in IFLA_INFO_DATA of a veth: an ifinfomsg, then attributes. */
export const VETH_INFO_PEER = 1;
