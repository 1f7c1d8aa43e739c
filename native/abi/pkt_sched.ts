// linux/rtnetlink.h

/** tcmsg: u8 family, u8 pad, u16 pad, i32 ifindex, u32 handle, u32 parent, u32 info. */
export const TCMSG_LENGTH = 20;
export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;

// linux/pkt_sched.h

export const TC_H_ROOT = 0xffffffff;
/** A tick of the times in `struct tc_htb_opt`, ns: 1 << PSCHED_SHIFT (net/pkt_sched.h); /proc/net/psched tells it to iproute2. */
export const PSCHED_TICK_NS = 64;
/** Of a rate: the kernel works out by itself how long a packet takes, and needs no table of it. */
export const TC_LINKLAYER_ETHERNET = 1;

export const TCA_HTB_PARMS = 1;
export const TCA_HTB_INIT = 2;
/** HTB_VER >> 16 */
export const HTB_VERSION = 3;

export const TCA_NETEM_CORRUPT = 4;
export const TCA_NETEM_RATE = 6;
export const TCA_NETEM_LATENCY64 = 10;
export const TCA_NETEM_JITTER64 = 11;

// linux/pkt_cls.h

export const TCA_BPF_OPS_LEN = 4;
export const TCA_BPF_OPS = 5;

// linux/if_ether.h

export const ETH_P_ALL = 0x0003;
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
