import { readFileSync } from 'node:fs';
import { parseListening, parseRoutes } from '../codec/proc-net.ts';
import { parseRoutes6, routedNetworks6 } from '../codec/proc-net-ipv6.ts';
import { containerResolvConf, parseResolvConf, type ResolvConf } from '../codec/resolv-conf.ts';
import type { ListeningSocket } from '../model/facts.ts';
import { unlessErrno } from './system-error.ts';

/** Sockets that listen in this network namespace, TCP and UDP, both families. */
export function listeningSockets(): ListeningSocket[] {
  // Without IPv6 the files of it are not there.
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((file) =>
    parseListening(read(`/proc/net/${file}`) ?? '', file.startsWith('tcp') ? 'tcp' : 'udp'),
  );
}

/** Networks of both families that this network namespace routes to, default routes left out. The caller leaves out those of our own bridges. */
export function hostRoutes(): { readonly ifname: string; readonly cidr: string }[] {
  return [...parseRoutes(read('/proc/net/route') ?? ''), ...routedNetworks6(parseRoutes6(read('/proc/net/ipv6_route') ?? ''))];
}

/**
 * Links whose routes come from advertisements that the kernel takes as long as this host doesn't forward: with `accept_ra` 1 it drops
 * them, its own default route among them, as soon as it does (ip-sysctl.rst, accept_ra). Sorted.
 */
export function advertisedLinks(): string[] {
  const routes = parseRoutes6(read('/proc/net/ipv6_route') ?? '').filter(({ advertised }) => advertised);
  return [...new Set(routes.map(({ ifname }) => ifname))]
    .filter((ifname) => read(`/proc/sys/net/ipv6/conf/${ifname}/accept_ra`)?.trim() === '1')
    .sort();
}

/** resolv.conf for containers. systemd-resolved keeps the resolvers behind its stub in a file of its own (systemd-resolved(8)). */
export function hostResolvConf(): string {
  return containerResolvConf(read('/etc/resolv.conf') ?? '', read('/run/systemd/resolve/resolv.conf'));
}

/** What programs of the host go by. */
export function hostResolver(): ResolvConf {
  return parseResolvConf(read('/etc/resolv.conf') ?? '');
}

function read(path: string): string | undefined {
  return unlessErrno(['ENOENT'], () => readFileSync(path, 'utf8'));
}
