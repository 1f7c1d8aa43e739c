// linux/socket.h

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_BRIDGE = 7;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOL_NETLINK = 270;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

// linux/net.h, asm-generic/fcntl.h (O_CLOEXEC)

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;

// asm-generic/socket.h: x64 and arm64 alike

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
/** Past net.core.wmem_max and rmem_max; needs CAP_NET_ADMIN in the initial user namespace. */
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_BINDTOIFINDEX = 62;

// linux/in.h, linux/in6.h

export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
