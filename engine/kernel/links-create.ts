import { createHash } from 'node:crypto';
import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { deleteLink, newBridge, newMacvlan, newVeth, setAddrGenModeNone, setHairpin, setLink } from '../../native/netlink/link-message.ts';
import type { Message } from '../../native/netlink/message.ts';
import { TsstackError } from '../model/errors.ts';
import type { BridgeSpec, LinkSpec, MacvlanSpec, VethSpec } from '../model/resources.ts';
import { findLink, freeIfindex, rememberIfindex, withIfindex } from './links-ifindex.ts';
import { type Hints, isRefusal, netlinkFailure } from './netlink-failure.ts';
import type { NetworkNamespaces } from './network-namespaces.ts';

/**
 * Makes a link that is whole: named, marked, grouped, up; of a veth both ends, the host end under its bridge. If a part of it
 * can't be done the link is deleted again. Throws TsstackError.
 *
 * A link can't be born marked: RTM_NEWLINK ignores IFLA_IFALIAS and IFLA_AF_SPEC of a link that it creates. So the messages that
 * do it follow in the same send, which the kernel works through even if this process is killed meanwhile: no link is ever
 * left unmarked. They address it by an ifindex that we choose for it: by its name they would mark a foreign link where
 * the creation fails because there is one.
 */
export async function createLink(namespaces: NetworkNamespaces, link: LinkSpec): Promise<void> {
  try {
    if (link.type === 'bridge') await createBridge(namespaces.host, link);
    else if (link.type === 'macvlan') await createMacvlan(namespaces, link);
    else await createVeth(namespaces, link);
  } catch (error) {
    throw netlinkFailure(`cannot create link \`${link.ifname}\``, error, hintsFor(link));
  }
}

async function createBridge(host: RtnetlinkConnection, link: BridgeSpec): Promise<void> {
  const ifindex = freeIfindex(host);
  const creation = host.request(newBridge({ ...link, ifindex, address: stableAddress(link.ifname) }));
  await createdAndMarked({ host, link, ifindex, creation });
  rememberIfindex(host, link.ifname, ifindex);
}

async function createVeth(namespaces: NetworkNamespaces, link: VethSpec): Promise<void> {
  const { host } = namespaces;
  const container = namespaces.container(link.container);
  const [ifindex, peerIfindex] = [freeIfindex(host), freeIfindex(host)];
  const netnsPid = namespaces.initPid(link.container);
  const peer = { ifindex: peerIfindex, ifname: link.peerIfname, address: link.peerAddress, netnsPid };
  await withIfindex(host, link.master, (master) =>
    createdAndMarked({
      host,
      link,
      ifindex,
      creation: host.request(newVeth({ ...link, ifindex, master, peer })),
      more: link.hairpin ? [setHairpin(ifindex, true)] : [],
    }),
  );
  try {
    await allDone([withoutLinkLocal(container, peerIfindex), container.request(setLink(peerIfindex, { up: true }))]);
  } catch (error) {
    await deleteAgain(host, ifindex, error);
  }
  rememberIfindex(container, link.peerIfname, peerIfindex);
}

/**
 * It is born on the host, where its parent is, under a name that nobody else gives, and moves into the container with the next message
 * of the same send, in which it gets its mark and its name: in the container there is never an unmarked one.
 */
async function createMacvlan(namespaces: NetworkNamespaces, link: MacvlanSpec): Promise<void> {
  const { host } = namespaces;
  const container = namespaces.container(link.container);
  const ifindex = freeIfindex(host);
  const { ifname, ifalias, group } = link;
  await withIfindex(host, link.parent, async (parent) => {
    const creation = host.request(newMacvlan({ ...link, ifindex, parent, ifname: passingName(ifalias) }));
    const move = host.request(setLink(ifindex, { netnsPid: namespaces.initPid(link.container), ifname, ifalias, group }));
    const [created, moved] = await Promise.allSettled([creation, move]);
    if (created.status === 'rejected') throw created.reason;
    if (moved.status === 'rejected') {
      const why = isRefusal(moved.reason, 'EEXIST') ? inTheContainer(link, moved.reason) : moved.reason;
      // A name that is taken in there is found out when it is there already.
      await deleteAgain(host, ifindex, why).catch((reason: unknown) => deleteAgain(container, ifindex, reason));
    }
  });
  try {
    await allDone([withoutLinkLocal(container, ifindex), container.request(setLink(ifindex, { up: true }))]);
  } catch (error) {
    await deleteAgain(container, ifindex, error);
  }
  rememberIfindex(container, ifname, ifindex);
}

function passingName(ifalias: string): string {
  return `tm-${createHash('sha256').update(ifalias).digest('hex').slice(0, 12)}`;
}

interface Creation {
  readonly host: RtnetlinkConnection;
  readonly link: LinkSpec;
  readonly ifindex: number;
  readonly creation: Promise<void>;
  readonly more?: readonly Message[];
}

async function createdAndMarked({ host, link, ifindex, creation, more = [] }: Creation): Promise<void> {
  const marked = allDone([
    withoutLinkLocal(host, ifindex),
    host.request(setLink(ifindex, { ifalias: link.ifalias, up: true })),
    ...more.map((message) => host.request(message)),
  ]);
  const [created, configured] = await Promise.allSettled([creation, marked]);
  if (created.status === 'rejected') throw isRefusal(created.reason, 'EEXIST') ? inTheWay(host, link, created.reason) : created.reason;
  if (configured.status === 'rejected') await deleteAgain(host, ifindex, configured.reason);
}

/** EAFNOSUPPORT: this kernel or link has no IPv6, so there is nothing to turn off. */
async function withoutLinkLocal(connection: RtnetlinkConnection, ifindex: number): Promise<void> {
  try {
    await connection.request(setAddrGenModeNone(ifindex));
  } catch (error) {
    if (!isRefusal(error, 'EAFNOSUPPORT')) throw error;
  }
}

/** Like Promise.all, but nothing is still going on when it rejects. */
async function allDone(parts: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(parts)).find((part) => part.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Throws what went wrong first, and with it why the half-made link is still there, if it is. */
async function deleteAgain(host: RtnetlinkConnection, ifindex: number, first: unknown): Promise<never> {
  try {
    await host.request(deleteLink(ifindex));
  } catch (second) {
    if (!isRefusal(second, 'ENODEV')) throw new AggregateError([first, second], `${text(first)}; and deleting it again: ${text(second)}`);
  }
  throw first;
}

/** EEXIST doesn't say what exists: a link of this name on the host, or one of the container end's name in the container. */
function inTheWay(host: RtnetlinkConnection, link: LinkSpec, cause: unknown): unknown {
  const found = findLink(host, link.ifname);
  if (found === undefined && link.type === 'bridge') return cause;
  if (found === undefined && link.type !== 'bridge') return inTheContainer(link, cause);
  if (found?.ifalias === link.ifalias) {
    const hint = 'it was left by a run that was cut off; `tsstack up` again takes it over';
    return new TsstackError(`it is already there with our mark \`${link.ifalias}\``, { code: 'obstacle', hint, cause });
  }
  const mark = found?.ifalias === undefined ? 'without a mark of ours' : `marked \`${found.ifalias}\``;
  const hint = `remove it (\`ip link delete ${link.ifname}\`) if nothing needs it`;
  return new TsstackError(`a link of that name is already there, ${mark}`, { code: 'obstacle', hint, cause });
}

function inTheContainer(link: VethSpec | MacvlanSpec, cause: unknown): TsstackError {
  const ifname = link.type === 'veth' ? link.peerIfname : link.ifname;
  return new TsstackError(`container \`${link.container}\` already has a link \`${ifname}\``, { code: 'obstacle', cause });
}

/** A locally administered unicast MAC address, the same whenever a link of this name is made: neighbours keep what they know. */
function stableAddress(ifname: string): string {
  const hash = createHash('sha256').update(ifname).digest('hex');
  return ['02', ...Array.from({ length: 5 }, (_, index) => hash.slice(2 * index, 2 * index + 2))].join(':');
}

function hintsFor(link: LinkSpec): Hints {
  return {
    EOPNOTSUPP: `this kernel has no \`${link.type}\` support; try \`modprobe ${link.type}\`, or run \`tsstack doctor\``,
    ERANGE: 'the name of a link holds at most 15 bytes',
    EXFULL: 'a bridge holds at most 1024 ports (BR_MAX_PORTS)',
    ...(link.type === 'veth'
      ? { ESRCH: `the init of container \`${link.container}\` is gone`, ENODEV: `is bridge \`${link.master}\` there?` }
      : {}),
    ...(link.type === 'macvlan'
      ? {
          ESRCH: `the init of container \`${link.container}\` is gone`,
          ENODEV: `is its parent \`${link.parent}\` there?`,
          EBUSY: `its parent \`${link.parent}\` is in use by something that lets nobody else on it, as a bridge does`,
        }
      : {}),
  };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
