import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { deleteLink, deleteLinkGroup, getLinks, setLink } from '../../native/netlink/link-message.ts';
import { decodeLink } from '../../native/netlink/link-record.ts';
import type { Executors, OpOf } from '../model/plan.ts';
import type { LinkState } from '../model/resources.ts';
import { createLink } from './links-create.ts';
import { forgetIfindex, withIfindex } from './links-ifindex.ts';
import { isRefusal, netlinkFailure } from './netlink-failure.ts';
import type { NetworkNamespaces } from './network-namespaces.ts';

/** Every link of the connection's network namespace, in one dump. Throws TsstackError. */
export function observeLinks(connection: RtnetlinkConnection): readonly LinkState[] {
  try {
    const links = connection.dump(getLinks(), decodeLink);
    const names = new Map(links.map(({ ifindex, ifname }) => [ifindex, ifname]));
    return links.map((link) => ({ ...link, masterName: names.get(link.master) }));
  } catch (error) {
    throw netlinkFailure('cannot list links', error);
  }
}

export type LinkExecutors = Pick<Executors, 'link.create' | 'link.update' | 'link.delete' | 'link.delete-group'>;

export function linkExecutors({ namespaces }: { readonly namespaces: NetworkNamespaces }): LinkExecutors {
  return {
    async 'link.create'({ link }, signal) {
      signal.throwIfAborted();
      await createLink(namespaces, link);
    },
    async 'link.update'(op, signal) {
      signal.throwIfAborted();
      await updateLink(namespaces, op);
    },
    async 'link.delete'({ ifindex, ifname }, signal) {
      signal.throwIfAborted();
      forgetIfindex(namespaces.host, ifname);
      await absentAfter(namespaces.host.request(deleteLink(ifindex)), `cannot delete link \`${ifname}\``);
    },
    async 'link.delete-group'({ group }, signal) {
      signal.throwIfAborted();
      await absentAfter(namespaces.host.requestAside(deleteLinkGroup(group)), `cannot delete the links of group ${group}`);
    },
  };
}

/** Both ends of a veth: its mtu is the smaller one's, and down at either end is down. */
async function updateLink(namespaces: NetworkNamespaces, { link, observed }: OpOf<'link.update'>): Promise<void> {
  try {
    const change = { ifalias: link.ifalias, group: link.group, mtu: link.mtu, up: true };
    if (link.type === 'bridge') return await namespaces.host.request(setLink(observed.ifindex, change));
    const container = namespaces.container(link.container);
    await Promise.all([
      withIfindex(namespaces.host, link.master, (master) => namespaces.host.request(setLink(observed.ifindex, { ...change, master }))),
      withIfindex(container, link.peerIfname, (peer) => container.request(setLink(peer, { mtu: link.mtu, up: true }))),
    ]);
  } catch (error) {
    throw netlinkFailure(`cannot update link \`${link.ifname}\``, error);
  }
}

async function absentAfter(deletion: Promise<void>, what: string): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isRefusal(error, 'ENODEV')) throw netlinkFailure(what, error);
  }
}
