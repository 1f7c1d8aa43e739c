// linux/if_addr.h

/** ifaddrmsg: u8 family, prefixlen, flags, scope; u32 index. */
export const IFADDRMSG_LENGTH = 8;

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_BROADCAST = 4;

/** In `flags`: no duplicate address detection, so that the address works at once. */
export const IFA_F_NODAD = 0x02;
