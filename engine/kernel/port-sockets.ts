/** Sockets that hold published ports. */

import type { PublishedPort } from '../../dsl/spec.ts';
import { bindPort, bindToIfindex } from '../../native/ffi/port-socket.ts';
import { encodeIp } from '../../native/netlink/ip.ts';
import { unlessErrno } from './system-error.ts';

/** The index of no link: the kernel counts up from 1. */
const NO_LINK = 0x7fffffff;

/** Its descriptor, which is the caller's. Throws with the system's `code`: EADDRINUSE, EADDRNOTAVAIL. */
export function bindPublished({ protocol, hostAddress, hostPort }: PublishedPort): number {
  return bindPort(protocol, encodeIp(hostAddress), hostPort);
}

/**
 * While refusing, a port is as closed to all as one that nobody has bound: TCP is answered with a reset, UDP with an ICMP error. It stays taken.
 * Before Linux 5.1 this does nothing.
 */
export function setRefusing(fd: number, refusing: boolean): void {
  unlessErrno(['ENOPROTOOPT'], () => bindToIfindex(fd, refusing ? NO_LINK : 0));
}
