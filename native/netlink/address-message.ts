import { IFA_ADDRESS, IFA_BROADCAST, IFA_LOCAL, IFADDRMSG_LENGTH } from '../abi/if_addr.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import { RT_SCOPE_UNIVERSE, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from '../abi/rtnetlink.ts';
import { AF_INET } from '../abi/socket.ts';
import { attribute, decodeAttributes } from './attributes.ts';
import { concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { decodeIpv4, parseCidr } from './ipv4.ts';
import type { Message, ReceivedMessage } from './message.ts';

/** An IPv4 address on a link. */
export interface AddressRecord {
  readonly ifindex: number;
  /** `10.128.3.1/24` */
  readonly cidr: string;
}

/** Throws RangeError for a CIDR that is none. */
export function newAddress(record: AddressRecord): Message {
  const { address, prefixLength } = parseCidr(record.cidr);
  const attributes = [attribute(IFA_LOCAL, address), attribute(IFA_ADDRESS, address)];
  // RFC 3021: a /31 has no broadcast address, and a /32 no neighbours.
  if (prefixLength < 31) attributes.push(attribute(IFA_BROADCAST, broadcastAddress(address, prefixLength)));
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, body: addressBody(record.ifindex, prefixLength, attributes) };
}

export function deleteAddress(record: AddressRecord): Message {
  const { address, prefixLength } = parseCidr(record.cidr);
  return { type: RTM_DELADDR, flags: 0, body: addressBody(record.ifindex, prefixLength, [attribute(IFA_LOCAL, address)]) };
}

/** All IPv4 addresses. */
export function getAddresses(): Message {
  return { type: RTM_GETADDR, flags: 0, body: addressBody(0, 0, []) };
}

/** IFA_LOCAL is the link's own address; IFA_ADDRESS is the other side's on a point-to-point link, else the same (if_addr.h). */
export function decodeAddress(message: ReceivedMessage): AddressRecord {
  const view = viewOf(message.body);
  const attributes = decodeAttributes(message.body.subarray(IFADDRMSG_LENGTH));
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array(4);
  return { ifindex: view.getUint32(4, LITTLE_ENDIAN), cidr: `${decodeIpv4(address)}/${view.getUint8(1)}` };
}

/** `struct ifaddrmsg` and attributes. */
function addressBody(ifindex: number, prefixLength: number, attributes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(IFADDRMSG_LENGTH);
  const view = viewOf(bytes);
  view.setUint8(0, AF_INET);
  view.setUint8(1, prefixLength);
  view.setUint8(3, RT_SCOPE_UNIVERSE);
  view.setUint32(4, ifindex, LITTLE_ENDIAN);
  return concat([bytes, ...attributes]);
}

function broadcastAddress(address: Uint8Array, prefixLength: number): Uint8Array {
  return address.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - 8 * index))));
}
