// linux/if_addr.h

/** ifaddrmsg: u8 family, prefixlen, flags, scope; u32 index. */
export const IFADDRMSG_LENGTH = 8;

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_BROADCAST = 4;
