import {
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_BR_STP_STATE,
  IFLA_BRPORT_MODE,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_PID,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_PROTINFO,
  IN6_ADDR_GEN_MODE_NONE,
  MACVLAN_MODE_BRIDGE,
  MACVLAN_MODE_PASSTHRU,
  MACVLAN_MODE_PRIVATE,
  MACVLAN_MODE_VEPA,
  VETH_INFO_PEER,
} from '../abi/if_link.ts';
import { NLA_F_NESTED, NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import { IFINFOMSG_LENGTH, RTEXT_FILTER_SKIP_STATS, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK } from '../abi/rtnetlink.ts';
import { AF_BRIDGE, AF_INET6, AF_UNSPEC } from '../abi/socket.ts';
import { attribute, nested, stringAttribute, u8Attribute, u32Attribute } from './attributes.ts';
import { concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { Message } from './message.ts';

/** A bridge that is to be made. It stays down until `setLink`. */
export interface NewBridge {
  readonly ifindex: number;
  readonly ifname: string;
  /** MAC address. */
  readonly address: string;
  readonly group: number;
  readonly mtu: number | undefined;
}

/** A veth pair that is to be made: host end here, container end in the network namespace of process `peer.netnsPid`. Both stay down. */
export interface NewVeth {
  readonly ifindex: number;
  readonly ifname: string;
  readonly group: number;
  readonly mtu: number | undefined;
  /** ifindex of the bridge. */
  readonly master: number;
  readonly peer: { readonly ifindex: number; readonly ifname: string; readonly address: string; readonly netnsPid: number };
}

/** A link of its own on another one, its parent. It is made in the parent's network namespace, and stays down. */
export interface NewMacvlan {
  readonly ifindex: number;
  readonly ifname: string;
  /** MAC address. */
  readonly address: string;
  /** ifindex */
  readonly parent: number;
  readonly mode: MacvlanMode;
  readonly mtu: number | undefined;
}

export const MACVLAN_MODES = {
  private: MACVLAN_MODE_PRIVATE,
  vepa: MACVLAN_MODE_VEPA,
  bridge: MACVLAN_MODE_BRIDGE,
  passthru: MACVLAN_MODE_PASSTHRU,
} as const;
export type MacvlanMode = keyof typeof MACVLAN_MODES;

/** What can be changed of a link that is there. Undefined: leave it. */
export interface LinkChange {
  readonly ifalias?: string | undefined;
  readonly group?: number | undefined;
  readonly mtu?: number | undefined;
  readonly master?: number | undefined;
  readonly up?: boolean | undefined;
  /** It moves to the network namespace of this process. What else is changed is of it there. */
  readonly netnsPid?: number | undefined;
  readonly ifname?: string | undefined;
}

/** IFLA_ADDRESS: without one, a bridge takes the lowest of its ports' and changes it as they come and go, and its neighbours lose it. */
export function newBridge(link: NewBridge): Message {
  const attributes = [
    stringAttribute(IFLA_IFNAME, link.ifname),
    attribute(IFLA_ADDRESS, macAddress(link.address)),
    u32Attribute(IFLA_GROUP, link.group),
    ...mtu(link.mtu),
    linkInfo('bridge', [u32Attribute(IFLA_BR_STP_STATE, 0)]),
  ];
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, body: linkBody({ ifindex: link.ifindex }, attributes), about: 'bridge' };
}

/** The peer is created down: with IFF_UP the kernel refuses (ENOTCONN, veth_open) while its other end is not there yet. */
export function newVeth(link: NewVeth): Message {
  const peer = linkBody({ ifindex: link.peer.ifindex }, [
    stringAttribute(IFLA_IFNAME, link.peer.ifname),
    attribute(IFLA_ADDRESS, macAddress(link.peer.address)),
    u32Attribute(IFLA_NET_NS_PID, link.peer.netnsPid),
    ...mtu(link.mtu),
    ...ONE_QUEUE,
  ]);
  const attributes = [
    stringAttribute(IFLA_IFNAME, link.ifname),
    u32Attribute(IFLA_GROUP, link.group),
    u32Attribute(IFLA_MASTER, link.master),
    ...mtu(link.mtu),
    ...ONE_QUEUE,
    linkInfo('veth', [attribute(VETH_INFO_PEER, peer)]),
  ];
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, body: linkBody({ ifindex: link.ifindex }, attributes), about: 'veth' };
}

export function newMacvlan(link: NewMacvlan): Message {
  const attributes = [
    stringAttribute(IFLA_IFNAME, link.ifname),
    attribute(IFLA_ADDRESS, macAddress(link.address)),
    u32Attribute(IFLA_LINK, link.parent),
    ...mtu(link.mtu),
    linkInfo('macvlan', [u32Attribute(IFLA_MACVLAN_MODE, MACVLAN_MODES[link.mode])]),
  ];
  return { type: RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL, body: linkBody({ ifindex: link.ifindex }, attributes), about: 'macvlan' };
}

/** Whether a bridge sends what came from this port back to it. */
export function setHairpin(ifindex: number, hairpin: boolean): Message {
  // br_setlink tells by NLA_F_NESTED whether these are attributes, or a byte as it was once.
  const port = nested(IFLA_PROTINFO | NLA_F_NESTED, [u8Attribute(IFLA_BRPORT_MODE, hairpin ? 1 : 0)]);
  return { type: RTM_SETLINK, flags: 0, body: linkBody({ family: AF_BRIDGE, ifindex }, [port]), about: 'hairpin' };
}

export function setLink(ifindex: number, change: LinkChange): Message {
  const attributes = [
    ...(change.netnsPid === undefined ? [] : [u32Attribute(IFLA_NET_NS_PID, change.netnsPid)]),
    ...(change.ifname === undefined ? [] : [stringAttribute(IFLA_IFNAME, change.ifname)]),
    ...(change.ifalias === undefined ? [] : [attribute(IFLA_IFALIAS, new TextEncoder().encode(change.ifalias))]),
    ...(change.group === undefined ? [] : [u32Attribute(IFLA_GROUP, change.group)]),
    ...(change.master === undefined ? [] : [u32Attribute(IFLA_MASTER, change.master)]),
    ...mtu(change.mtu),
  ];
  return { type: RTM_SETLINK, flags: 0, body: linkBody({ ifindex, up: change.up }, attributes) };
}

/** No link-local IPv6 address when the link comes up, so no multicast joins and duplicate address detection on every port. */
export function setAddrGenModeNone(ifindex: number): Message {
  const mode = nested(AF_INET6, [u8Attribute(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)]);
  return { type: RTM_SETLINK, flags: 0, body: linkBody({ ifindex }, [nested(IFLA_AF_SPEC, [mode])]), about: 'addr_gen_mode' };
}

export function deleteLink(ifindex: number): Message {
  return { type: RTM_DELLINK, flags: 0, body: linkBody({ ifindex }, []) };
}

/** All links of a group; 0, the default group, is refused (EPERM). */
export function deleteLinkGroup(group: number): Message {
  return { type: RTM_DELLINK, flags: 0, body: linkBody({}, [u32Attribute(IFLA_GROUP, group)]) };
}

export function getLink(ifname: string): Message {
  return { type: RTM_GETLINK, flags: 0, body: linkBody({}, [WITHOUT_STATS, stringAttribute(IFLA_IFNAME, ifname)]) };
}

export function getLinks(): Message {
  return { type: RTM_GETLINK, flags: 0, body: linkBody({}, [WITHOUT_STATS]) };
}

/** `struct ifinfomsg` and attributes. `up` undefined: the flag is left as it is. */
function linkBody(
  header: { readonly family?: number; readonly ifindex?: number; readonly up?: boolean | undefined },
  attributes: readonly Uint8Array[],
): Uint8Array {
  const bytes = new Uint8Array(IFINFOMSG_LENGTH);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? AF_UNSPEC);
  view.setInt32(4, header.ifindex ?? 0, LITTLE_ENDIAN);
  view.setUint32(8, header.up === true ? IFF_UP : 0, LITTLE_ENDIAN);
  view.setUint32(12, header.up === undefined ? 0 : IFF_UP, LITTLE_ENDIAN);
  return concat([bytes, ...attributes]);
}

function linkInfo(kind: string, data: readonly Uint8Array[]): Uint8Array {
  return nested(IFLA_LINKINFO, [stringAttribute(IFLA_INFO_KIND, kind), nested(IFLA_INFO_DATA, data)]);
}

function mtu(bytes: number | undefined): readonly Uint8Array[] {
  return bytes === undefined ? [] : [u32Attribute(IFLA_MTU, bytes)];
}

/** `02:42:0a:80:03:02` → six bytes. Throws RangeError. */
function macAddress(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new RangeError(`\`${text}\` is not a MAC address`);
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** One queue each way: the default, one a CPU, makes a veth 40 % slower to create. */
const ONE_QUEUE = [u32Attribute(IFLA_NUM_TX_QUEUES, 1), u32Attribute(IFLA_NUM_RX_QUEUES, 1)];
const WITHOUT_STATS = u32Attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
