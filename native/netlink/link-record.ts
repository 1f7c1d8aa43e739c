import {
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_BRPORT_MODE,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
} from '../abi/if_link.ts';
import { IFINFOMSG_LENGTH } from '../abi/rtnetlink.ts';
import { type Attributes, decodeAttributes, stringOf, u32Of } from './attributes.ts';
import { LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { MACVLAN_MODES, type MacvlanMode } from './link-message.ts';
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
  /** Of a bridge's port: whether what came from it is sent back to it. */
  readonly hairpin: boolean;
  /** ifindex of what it is on, in the namespace of that; 0: nothing. */
  readonly link: number;
  /** Of a macvlan. */
  readonly mode: MacvlanMode | undefined;
}

export function decodeLink(message: ReceivedMessage): LinkRecord {
  const view = viewOf(message.body);
  const attributes = decodeAttributes(message.body.subarray(IFINFOMSG_LENGTH), WANTED);
  const linkInfo = decodeAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array());
  const type = stringOf(linkInfo, IFLA_INFO_KIND) ?? '';
  const address = attributes.get(IFLA_ADDRESS);
  return {
    ifindex: view.getInt32(4, LITTLE_ENDIAN),
    ifname: stringOf(attributes, IFLA_IFNAME) ?? '',
    type,
    ifalias: stringOf(attributes, IFLA_IFALIAS),
    group: u32Of(attributes, IFLA_GROUP) ?? 0,
    mtu: u32Of(attributes, IFLA_MTU) ?? 0,
    master: u32Of(attributes, IFLA_MASTER) ?? 0,
    up: (view.getUint32(8, LITTLE_ENDIAN) & IFF_UP) !== 0,
    address: address === undefined || address.length === 0 ? undefined : macText(address),
    hairpin: isHairpin(linkInfo),
    link: u32Of(attributes, IFLA_LINK) ?? 0,
    mode: type === 'macvlan' ? macvlanMode(linkInfo) : undefined,
  };
}

/** Of some forty that a link has. */
const WANTED: ReadonlySet<number> = new Set([
  IFLA_ADDRESS,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
]);

function isHairpin(linkInfo: Attributes): boolean {
  const port = stringOf(linkInfo, IFLA_INFO_SLAVE_KIND) === 'bridge' ? linkInfo.get(IFLA_INFO_SLAVE_DATA) : undefined;
  return port !== undefined && decodeAttributes(port).get(IFLA_BRPORT_MODE)?.[0] === 1;
}

function macvlanMode(linkInfo: Attributes): MacvlanMode | undefined {
  const mode = u32Of(decodeAttributes(linkInfo.get(IFLA_INFO_DATA) ?? new Uint8Array()), IFLA_MACVLAN_MODE);
  return (Object.keys(MACVLAN_MODES) as MacvlanMode[]).find((name) => MACVLAN_MODES[name] === mode);
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
