import { readFileSync } from 'node:fs';
import { parseAddresses, parseDefaultRoutes } from '../codec/proc-net.ts';
import type { AddressState, NetnsRef, RouteState } from '../model/resources.ts';
import { unlessErrno } from './system-error.ts';

export interface Inside {
  readonly addresses: readonly AddressState[];
  /** Default routes. */
  readonly routes: readonly RouteState[];
}

/**
 * IPv4 addresses and default routes in the network namespace of a process, read from /proc: two files, where netlink takes a
 * socket opened in there and two dumps, four times as long. Nothing if the process is gone.
 */
export function observeInside(pid: number, netns: NetnsRef): Inside {
  const read = (file: string) => unlessErrno(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/net/${file}`, 'utf8')) ?? '';
  const route = read('route');
  const fibTrie = read('fib_trie');
  return {
    addresses: parseAddresses(fibTrie, route).map(({ ifname, cidr }) => ({ netns, ifname, cidr })),
    routes: parseDefaultRoutes(route).map(({ ifname, gateway }) => ({ netns, destination: 'default', ifname, gateway })),
  };
}
