import {
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
} from '../abi/if_link.ts';
import { IFINFOMSG_LENGTH } from '../abi/rtnetlink.ts';
import { decodeAttributes, stringOf, u32Of } from './attributes.ts';
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import type { ReceivedMessage } from './message.ts';

/** A link as an RTM_NEWLINK record tells it. */
export interface LinkRecord {
  readonly ifindex: number;
  readonly ifname: string;
  /** IFLA_INFO_KIND; empty if there is none, as for `lo`. */
  readonly type: string;
  readonly ifalias: string | undefined;
  readonly group: number;
  readonly mtu: number;
  /** 0: none. */
  readonly master: number;
  readonly up: boolean;
  /** MAC address; undefined for a link without. */
  readonly address: string | undefined;
}

export function decodeLink(message: ReceivedMessage): LinkRecord {
  const view = viewOf(message.body);
  const attributes = decodeAttributes(message.body.subarray(IFINFOMSG_LENGTH), WANTED);
  const linkInfo = attributes.get(IFLA_LINKINFO);
  const address = attributes.get(IFLA_ADDRESS);
  return {
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    ifname: stringOf(attributes, IFLA_IFNAME) ?? '',
    type: (linkInfo === undefined ? undefined : stringOf(decodeAttributes(linkInfo), IFLA_INFO_KIND)) ?? '',
    ifalias: stringOf(attributes, IFLA_IFALIAS),
    group: u32Of(attributes, IFLA_GROUP) ?? 0,
    mtu: u32Of(attributes, IFLA_MTU) ?? 0,
    master: u32Of(attributes, IFLA_MASTER) ?? 0,
    up: (view.getUint32(8, LITTLE_ENDIAN) & IFF_UP) !== 0,
    address: address === undefined || address.length === 0 ? undefined : macText(address),
  };
}

/** Of some forty that a link has. */
const WANTED: ReadonlySet<number> = new Set([IFLA_ADDRESS, IFLA_GROUP, IFLA_IFALIAS, IFLA_IFNAME, IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU]);

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
