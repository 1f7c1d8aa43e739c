import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { decodeRoutes, deleteRoute, getRoutes, newRoute } from '../../native/netlink/route-message.ts';
import { TsstackError } from '../model/errors.ts';
import type { Executors } from '../model/plan.ts';
import type { LinkState, NetnsRef, RouteSpec, RouteState } from '../model/resources.ts';
import { observeLinks } from './links.ts';
import { withIfindex } from './links-ifindex.ts';
import { isGone, isRefusal, netlinkFailure, ofNetns } from './netlink-failure.ts';
import { connectionTo, type NetworkNamespaces } from './network-namespaces.ts';

/**
 * Every unicast route of the main table that leads to a link; one with several nexthops is told once for each.
 * `links`: those of the namespace, if they are known. Throws TsstackError.
 */
export function observeRoutes(
  connection: RtnetlinkConnection,
  netns: NetnsRef,
  links: readonly LinkState[] = observeLinks(connection),
): readonly RouteState[] {
  const ifnames = new Map(links.map((link) => [link.ifindex, link.ifname]));
  try {
    return connection.dump(getRoutes(), decodeRoutes).flatMap((routes) =>
      routes.flatMap(({ destination, gateway, ifindex }) => {
        const ifname = ifnames.get(ifindex);
        // What every link has by itself is nobody's.
        return ifname === undefined || destination === 'fe80::/64' ? [] : [{ netns, destination, gateway, ifname }];
      }),
    );
  } catch (error) {
    throw netlinkFailure(`cannot list routes${ofNetns(netns)}`, error);
  }
}

export type RouteExecutors = Pick<Executors, 'route.add' | 'route.delete'>;

export function routeExecutors({ namespaces }: { readonly namespaces: NetworkNamespaces }): RouteExecutors {
  return {
    async 'route.add'({ route }, signal) {
      signal.throwIfAborted();
      try {
        await addRoute(connectionTo(namespaces, route.netns), route);
      } catch (error) {
        throw netlinkFailure(`cannot add route ${routeText(route)}`, error, HINTS);
      }
    },
    async 'route.delete'({ route }, signal) {
      signal.throwIfAborted();
      try {
        const connection = connectionTo(namespaces, route.netns);
        await withIfindex(connection, route.ifname, (ifindex) =>
          connection.request(deleteRoute({ ...route, gateway: route.gateway || undefined, ifindex })),
        );
      } catch (error) {
        if (isGone(error) || isRefusal(error, 'ENODEV', 'ESRCH')) return;
        throw netlinkFailure(`cannot delete route ${routeText(route)}`, error);
      }
    },
  };
}

async function addRoute(connection: RtnetlinkConnection, route: RouteSpec): Promise<void> {
  try {
    await withIfindex(connection, route.ifname, (ifindex) => connection.request(newRoute({ ...route, ifindex })));
  } catch (error) {
    if (!isRefusal(error, 'EEXIST')) throw error;
    const there = observeRoutes(connection, route.netns).filter((found) => found.destination === route.destination);
    if (there.some((found) => found.gateway === route.gateway && found.ifname === route.ifname)) return;
    const other = there.map((found) => `${found.gateway === undefined ? '' : `via \`${found.gateway}\` `}on link \`${found.ifname}\``);
    throw new TsstackError(`another one is there, ${other.join(' and ') || 'of another kind'}`, { code: 'obstacle', cause: error });
  }
}

function routeText(route: RouteSpec): string {
  return `\`${route.destination}\` via \`${route.gateway}\` on link \`${route.ifname}\`${ofNetns(route.netns)}`;
}

const HINTS = {
  ENETUNREACH: 'the gateway must be in a subnet of an address that the link has already',
  ENETDOWN: 'the link is down',
} as const;
