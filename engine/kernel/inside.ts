import { readFileSync } from 'node:fs';
import { parseAddresses, parseDefaultRoutes } from '../codec/proc-net.ts';
import { connectedAddresses6, parseAddresses6, parseRoutes6 } from '../codec/proc-net-ipv6.ts';
import type { AddressState, NetnsRef, RouteState } from '../model/resources.ts';
import { unlessErrno } from './system-error.ts';

/** Of one family. */
export interface Inside {
  readonly addresses: readonly AddressState[];
  /** Default routes. */
  readonly routes: readonly RouteState[];
}

/**
 * Addresses and default routes in the network namespace of a process, read from /proc: two files a family, where netlink takes a
 * socket opened in there and two dumps, four times as long. Nothing if the process is gone.
 */
export function observeInside(pid: number, netns: NetnsRef): { readonly ipv4: Inside; readonly ipv6: Inside } {
  const read = (file: string) => unlessErrno(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/net/${file}`, 'utf8')) ?? '';
  const route = read('route');
  const fibTrie = read('fib_trie');
  return {
    ipv4: {
      addresses: parseAddresses(fibTrie, route).map(({ ifname, cidr }) => ({ netns, ifname, cidr })),
      routes: parseDefaultRoutes(route).map(({ ifname, gateway }) => ({ netns, destination: 'default', ifname, gateway })),
    },
    ipv6: observeIpv6(netns, read),
  };
}

/** Most containers have no address of it, and then no routes that matter. */
function observeIpv6(netns: NetnsRef, read: (file: string) => string): Inside {
  const addresses = parseAddresses6(read('if_inet6'));
  if (addresses.length === 0) return { addresses: [], routes: [] };
  const routes = parseRoutes6(read('ipv6_route'));
  return {
    addresses: connectedAddresses6(addresses, routes).map(({ ifname, cidr }) => ({ netns, ifname, cidr })),
    routes: routes.flatMap(({ ifname, network, gateway }) =>
      network.prefix === 0 ? [{ netns, destination: gateway === undefined ? '::/0' : 'default', ifname, gateway }] : [],
    ),
  };
}
