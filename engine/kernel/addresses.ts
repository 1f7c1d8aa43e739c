import { writeFileSync } from 'node:fs';
import { decodeAddress, deleteAddress, getAddresses, newAddress } from '../../native/netlink/address-message.ts';
import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { networkOf } from '../../native/netlink/ip.ts';
import { newConnectedRoute } from '../../native/netlink/route-message.ts';
import type { Executors } from '../model/plan.ts';
import type { AddressSpec, AddressState, LinkState, NetnsRef, RouteState } from '../model/resources.ts';
import { observeLinks } from './links.ts';
import { withIfindex } from './links-ifindex.ts';
import { isGone, isRefusal, netlinkFailure, ofNetns } from './netlink-failure.ts';
import { connectionTo, type NetworkNamespaces } from './network-namespaces.ts';

/**
 * Every address of the connection's network namespace, but for those that links of IPv6 have by themselves (::1 and fe80::/10, RFC 4291,
 * 2.5.3 and 2.5.6). fe80::1 is given by people, not by an EUI-64.
 * `links`: those of the namespace, if they are known. Throws TsstackError.
 */
export function observeAddresses(
  connection: RtnetlinkConnection,
  netns: NetnsRef,
  links: readonly LinkState[] = observeLinks(connection),
): readonly AddressState[] {
  const ifnames = new Map(links.map((link) => [link.ifindex, link.ifname]));
  try {
    return connection.dump(getAddresses(), decodeAddress).flatMap((address) => {
      if (address === undefined) return [];
      const { ifindex, cidr } = address;
      const ifname = ifnames.get(ifindex);
      // A link that came after the links were listed: neither is seen this time.
      return ifname === undefined || /^(?:::1\/|fe[89ab].:(?!:1\/))/.test(cidr) ? [] : [{ netns, ifname, cidr }];
    });
  } catch (error) {
    throw netlinkFailure(`cannot list addresses${ofNetns(netns)}`, error);
  }
}

/** Those whose network is reached by their link, as the kernel arranges it; a flush of routes undoes that. Routes of link-local ones are not observed. */
export function connectedAddresses(addresses: readonly AddressState[], routes: readonly RouteState[]): readonly AddressState[] {
  const connected = new Set(
    routes.flatMap(({ destination, gateway, ifname }) => (gateway === undefined ? `${ifname} ${destination}` : [])),
  );
  return addresses.filter(
    ({ ifname, cidr }) => isSingle(cidr) || cidr.startsWith('fe80:') || connected.has(`${ifname} ${networkOf(cidr)}`),
  );
}

function isSingle(cidr: string): boolean {
  return cidr.endsWith(cidr.includes(':') ? '/128' : '/32');
}

export type AddressExecutors = Pick<Executors, 'address.add' | 'address.delete'>;

export function addressExecutors({ namespaces }: { readonly namespaces: NetworkNamespaces }): AddressExecutors {
  return {
    async 'address.add'({ address }, signal) {
      signal.throwIfAborted();
      try {
        await addAddress(namespaces, address);
      } catch (error) {
        throw netlinkFailure(`cannot add address \`${address.cidr}\` to link \`${address.ifname}\`${ofNetns(address.netns)}`, error);
      }
    },
    async 'address.delete'({ address }, signal) {
      signal.throwIfAborted();
      try {
        const connection = connectionTo(namespaces, address.netns);
        await withIfindex(connection, address.ifname, (ifindex) => connection.request(deleteAddress({ ifindex, cidr: address.cidr })));
      } catch (error) {
        if (isGone(error) || isRefusal(error, 'ENODEV', 'EADDRNOTAVAIL')) return;
        throw netlinkFailure(`cannot delete address \`${address.cidr}\` from link \`${address.ifname}\`${ofNetns(address.netns)}`, error);
      }
    },
  };
}

async function addAddress(namespaces: NetworkNamespaces, address: AddressSpec): Promise<void> {
  const { netns, ifname, cidr } = address;
  const connection = connectionTo(namespaces, netns);
  const add = () => withIfindex(connection, ifname, (ifindex) => connection.request(newAddress({ ifindex, cidr })));
  try {
    await add().catch((error: unknown) => {
      // addrconf_add_dev: IPv6 is off on this link, as some hosts have it for all new ones.
      if (!cidr.includes(':') || !isRefusal(error, 'EACCES')) throw error;
      namespaces.inside(netns, () => writeFileSync(`/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`, '0', { flag: 'r+' }));
      return add();
    });
  } catch (error) {
    const same = (found: AddressState) => found.ifname === ifname && found.cidr === cidr;
    if (!isRefusal(error, 'EEXIST') || !observeAddresses(connection, netns).some(same)) throw error;
    await addConnectedRoute(connection, ifname, cidr);
  }
}

/** An address counts as there when the network it is in is reached by its link: the kernel's own route may have been flushed since. */
async function addConnectedRoute(connection: RtnetlinkConnection, ifname: string, cidr: string): Promise<void> {
  try {
    await withIfindex(connection, ifname, (ifindex) => connection.request(newConnectedRoute({ cidr, ifindex })));
  } catch (error) {
    // ENETDOWN, ENETUNREACH: a link that is down has none; it comes with the link.
    if (!isRefusal(error, 'EEXIST', 'ENETDOWN', 'ENETUNREACH')) throw error;
  }
}
