import { SocketAddress } from 'node:net';
import { formatIpv4, parseIpv4 } from '../../dsl/ipv4.ts';
import type { ListeningSocket } from '../model/facts.ts';

/** States of linux/net/tcp_states.h: TCP_LISTEN; a UDP socket that is bound and not connected is in TCP_CLOSE. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

/**
 * Sockets that others can reach, from /proc/net/{tcp,tcp6,udp,udp6} (proc_pid_net(5)), in the order of the file.
 * IPv6 in canonical text (RFC 5952), and IPv4-mapped addresses as IPv4.
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

/** What covers this much is a default route in parts, as VPNs make it (0.0.0.0/1 and 128.0.0.0/1), and holds no network in particular. */
const SHORTEST_PREFIX = 8;

/** IPv4 CIDRs of /proc/net/route with the interface each goes through, default routes left out. */
export function parseRoutes(text: string): { readonly ifname: string; readonly cidr: string }[] {
  const routes: { ifname: string; cidr: string }[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [ifname, destination, , , , , , mask] = line.trim().split(/\s+/);
    if (ifname === undefined || destination === undefined || mask === undefined) continue;
    const length = ipv4Bytes(mask).reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0);
    if (length >= SHORTEST_PREFIX) routes.push({ ifname, cidr: `${ipv4Bytes(destination).join('.')}/${length}` });
  }
  return routes;
}

/**
 * IPv4 addresses of a network namespace, by interface: the /32 entries `host LOCAL` of /proc/<pid>/net/fib_trie, each put to the
 * interface whose connected network (a line of `route` without a gateway) holds it. Loopback is left out.
 */
export function parseAddresses(fibTrie: string, route: string): { readonly ifname: string; readonly cidr: string }[] {
  const networks = parseRouteLines(route).filter(({ gateway, prefix }) => gateway === undefined && prefix > 0);
  const found = new Map<string, { ifname: string; cidr: string }>();
  for (const [, address = ''] of fibTrie.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)) {
    const value = parseIpv4(address) ?? 0;
    const network = networks.find(
      ({ destination, prefix }) => Math.floor(value / 2 ** (32 - prefix)) === Math.floor(destination / 2 ** (32 - prefix)),
    );
    if (network) found.set(address, { ifname: network.ifname, cidr: `${address}/${network.prefix}` });
  }
  return [...found.values()];
}

/** Default routes of /proc/<pid>/net/route. */
export function parseDefaultRoutes(route: string): { readonly ifname: string; readonly gateway: string | undefined }[] {
  return parseRouteLines(route)
    .filter(({ prefix }) => prefix === 0)
    .map(({ ifname, gateway }) => ({ ifname, gateway: gateway === undefined ? undefined : formatIpv4(gateway) }));
}

interface RouteLine {
  readonly ifname: string;
  readonly destination: number;
  /** Undefined: the network is connected. */
  readonly gateway: number | undefined;
  readonly prefix: number;
}

function parseRouteLines(text: string): RouteLine[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [ifname = '', destination = '', gateway = '', , , , , mask = ''] = line.trim().split(/\s+/);
      if (mask === '') return [];
      const prefix = swapped(mask).toString(2).replaceAll('0', '').length;
      return [{ ifname, destination: swapped(destination), gateway: swapped(gateway) || undefined, prefix }];
    });
}

function swapped(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0);
}

/** Each 32-bit word is printed as a number of the host's byte order: on little endian machines, all that Node runs on here, reversed. */
function parseAddress(hex: string): string {
  if (hex.length === 8) return ipv4Bytes(hex).join('.');
  const words = [0, 8, 16, 24].map((at) => hex.slice(at, at + 8));
  if (words[0] === '00000000' && words[1] === '00000000' && words[2] === 'FFFF0000') return ipv4Bytes(words[3] ?? '').join('.');
  const bytes = words.flatMap(ipv4Bytes);
  const full = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16)).join(':');
  return new SocketAddress({ address: full, family: 'ipv6' }).address;
}

/** `0100007F` → 127, 0, 0, 1 */
function ipv4Bytes(word: string): number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16));
}
