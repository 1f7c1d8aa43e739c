import {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_BINDTOIFINDEX,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../abi/socket.ts';
import { checked, libc } from './libc.ts';
import { OwnedFd } from './owned-fd.ts';

/**
 * A bound socket; the descriptor is the caller's. `address`: 4 bytes of IPv4 or 16 of IPv6, which then is for IPv6 alone. TCP may be bound
 * while connections of who had the port before are still ending (socket(7), SO_REUSEADDR). Throws SyscallError: EADDRINUSE, EADDRNOTAVAIL.
 */
export function bindPort(protocol: 'tcp' | 'udp', address: Uint8Array, port: number): number {
  const family = address.length === 4 ? AF_INET : AF_INET6;
  const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM;
  const fd = checked('socket', libc().socket(family, type | SOCK_CLOEXEC, 0));
  try {
    if (protocol === 'tcp') setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    const name = socketAddress(family, address, port);
    checked('bind', libc().bind(fd, name, name.length));
    return fd;
  } catch (error) {
    new OwnedFd(fd)[Symbol.dispose]();
    throw error;
  }
}

/**
 * From now on a socket hears only what comes by the link with this index; 0: by any. Index of no link: nothing, and who tries is refused by the
 * kernel as if nobody were there, while the port stays taken. Throws SyscallError: ENOPROTOOPT before Linux 5.1.
 */
export function bindToIfindex(fd: number, ifindex: number): void {
  setOption(fd, SOL_SOCKET, SO_BINDTOIFINDEX, ifindex);
}

/** sockaddr_in: u16 family, be16 port, address, 8 bytes of nothing. sockaddr_in6: family, port, u32 flowinfo, address, u32 scope id. */
function socketAddress(family: number, address: Uint8Array, port: number): Uint8Array {
  const name = new Uint8Array(family === AF_INET ? 16 : 28);
  name.set(new Uint8Array(Uint16Array.of(family).buffer), 0);
  name.set([port >> 8, port & 0xff], 2);
  name.set(address, family === AF_INET ? 4 : 8);
  return name;
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  checked('setsockopt', libc().setsockopt(fd, level, option, bytes, bytes.length));
}
