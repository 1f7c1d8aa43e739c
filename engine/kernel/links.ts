import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { deleteLink, deleteLinkGroup, getLinks, setHairpin, setLink } from '../../native/netlink/link-message.ts';
import { decodeLink } from '../../native/netlink/link-record.ts';
import type { Executors, OpOf } from '../model/plan.ts';
import type { LinkState } from '../model/resources.ts';
import { createLink } from './links-create.ts';
import { forgetIfindex, withIfindex } from './links-ifindex.ts';
import { isGone, isRefusal, netlinkFailure, ofNetns } from './netlink-failure.ts';
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
    async 'link.delete'({ ifindex, ifname, inside }, signal) {
      signal.throwIfAborted();
      await absentAfter(
        () => deleteOne(inside === undefined ? namespaces.host : namespaces.container(inside), { ifindex, ifname }),
        `cannot delete link \`${ifname}\`${inside === undefined ? '' : ofNetns({ in: 'container', container: inside })}`,
      );
    },
    async 'link.delete-group'({ group }, signal) {
      signal.throwIfAborted();
      await absentAfter(() => namespaces.host.requestAside(deleteLinkGroup(group)), `cannot delete the links of group ${group}`);
    },
  };
}

/** Both ends of a veth: its mtu is the smaller one's, and down at either end is down. */
async function updateLink(namespaces: NetworkNamespaces, { link, observed }: OpOf<'link.update'>): Promise<void> {
  try {
    const change = { ifalias: link.ifalias, group: link.group, mtu: link.mtu, up: true };
    if (link.type === 'bridge') return await namespaces.host.request(setLink(observed.ifindex, change));
    const container = namespaces.container(link.container);
    if (link.type === 'macvlan') return await container.request(setLink(observed.ifindex, change));
    // A port that comes to a bridge comes without it.
    const hairpin = link.hairpin || observed.hairpin === true;
    await Promise.all([
      withIfindex(namespaces.host, link.master, async (master) => {
        await Promise.all([
          namespaces.host.request(setLink(observed.ifindex, { ...change, master })),
          ...(hairpin ? [namespaces.host.request(setHairpin(observed.ifindex, link.hairpin))] : []),
        ]);
      }),
      withIfindex(container, link.peerIfname, (peer) => container.request(setLink(peer, { mtu: link.mtu, up: true }))),
    ]);
  } catch (error) {
    throw netlinkFailure(`cannot update link \`${link.ifname}\``, error);
  }
}

async function deleteOne(connection: RtnetlinkConnection, { ifindex, ifname }: Pick<LinkState, 'ifindex' | 'ifname'>): Promise<void> {
  forgetIfindex(connection, ifname);
  await connection.request(deleteLink(ifindex));
}

/** With a container that is gone its links are. */
async function absentAfter(deletion: () => Promise<void>, what: string): Promise<void> {
  try {
    await deletion();
  } catch (error) {
    if (!isGone(error) && !isRefusal(error, 'ENODEV')) throw netlinkFailure(what, error);
  }
}
