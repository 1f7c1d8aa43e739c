import type { ListeningSocket } from '../model/facts.ts';

/** States of linux/net/tcp_states.h: TCP_LISTEN; a UDP socket that is bound and not connected is in TCP_CLOSE. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

/**
 * Sockets that others can reach, from /proc/net/{tcp,tcp6,udp,udp6} (proc_pid_net(5)), in the order of the file.
 * IPv6 in full form without zero compression; `::` as `::`, and IPv4-mapped addresses as IPv4.
 */
export function parseListening(text: string, protocol: 'tcp' | 'udp'): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const [address, port] = (local ?? '').split(':');
    if (address === undefined || port === undefined || state !== LISTENING[protocol]) continue;
    sockets.push({ protocol, address: parseAddress(address), port: Number.parseInt(port, 16), inode: Number(inode) });
  }
  return sockets;
}

/** IPv4 CIDRs of /proc/net/route with the interface each goes through, default routes left out. */
export function parseRoutes(text: string): { readonly ifname: string; readonly cidr: string }[] {
  const routes: { ifname: string; cidr: string }[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [ifname, destination, , , , , , mask] = line.trim().split(/\s+/);
    if (ifname === undefined || destination === undefined || mask === undefined) continue;
    const length = ipv4Bytes(mask).reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0);
    if (length > 0) routes.push({ ifname, cidr: `${ipv4Bytes(destination).join('.')}/${length}` });
  }
  return routes;
}

/** Each 32-bit word is printed as a number of the host's byte order: on little endian machines, all that Node runs on here, reversed. */
function parseAddress(hex: string): string {
  if (hex.length === 8) return ipv4Bytes(hex).join('.');
  const words = [0, 8, 16, 24].map((at) => hex.slice(at, at + 8));
  if (words.every((word) => word === '00000000')) return '::';
  if (words[0] === '00000000' && words[1] === '00000000' && words[2] === 'FFFF0000') return ipv4Bytes(words[3] ?? '').join('.');
  const bytes = words.flatMap(ipv4Bytes);
  return [0, 2, 4, 6, 8, 10, 12, 14].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16)).join(':');
}

/** `0100007F` → 127, 0, 0, 1 */
function ipv4Bytes(word: string): number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
}
