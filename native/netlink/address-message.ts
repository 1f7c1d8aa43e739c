import { IFA_ADDRESS, IFA_BROADCAST, IFA_F_NODAD, IFA_LOCAL, IFADDRMSG_LENGTH } from '../abi/if_addr.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import { RT_SCOPE_UNIVERSE, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from '../abi/rtnetlink.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from '../abi/socket.ts';
import { attribute, decodeAttributes } from './attributes.ts';
import { concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { anyAddress, decodeIp, familyOf, parseCidr } from './ip.ts';
import type { Message, ReceivedMessage } from './message.ts';

/** An address on a link. */
export interface AddressRecord {
  readonly ifindex: number;
  /** `10.128.3.1/24` or `fd00::1/64` */
  readonly cidr: string;
}

/** Throws RangeError for a CIDR that is none. */
export function newAddress(record: AddressRecord): Message {
  const { address, prefixLength } = parseCidr(record.cidr);
  const attributes = [attribute(IFA_LOCAL, address), attribute(IFA_ADDRESS, address)];
  // RFC 3021: a /31 has no broadcast address, and a /32 no neighbours. IPv6 has no broadcast.
  if (address.length === 4 && prefixLength < 31) attributes.push(attribute(IFA_BROADCAST, broadcastAddress(address, prefixLength)));
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: addressBody(familyOf(address), { ...record, prefixLength }, attributes),
  };
}

export function deleteAddress(record: AddressRecord): Message {
  const { address, prefixLength } = parseCidr(record.cidr);
  return {
    type: RTM_DELADDR,
    flags: 0,
    body: addressBody(familyOf(address), { ...record, prefixLength }, [attribute(IFA_LOCAL, address)]),
  };
}

/** All addresses of all families. */
export function getAddresses(): Message {
  return { type: RTM_GETADDR, flags: 0, body: addressBody(AF_UNSPEC, { ifindex: 0, prefixLength: 0 }, []) };
}

/**
 * IFA_LOCAL is the link's own address; IFA_ADDRESS is the other side's on a point-to-point link, else the same (if_addr.h), and of IPv6
 * often all there is. Undefined: of another family than IPv4 and IPv6.
 */
export function decodeAddress(message: ReceivedMessage): AddressRecord | undefined {
  const view = viewOf(message.body);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = decodeAttributes(message.body.subarray(IFADDRMSG_LENGTH));
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? anyAddress(family);
  return { ifindex: view.getUint32(4, LITTLE_ENDIAN), cidr: `${decodeIp(address)}/${view.getUint8(1)}` };
}

/** `struct ifaddrmsg` and attributes. */
function addressBody(
  family: number,
  { ifindex, prefixLength }: { readonly ifindex: number; readonly prefixLength: number },
  attributes: readonly Uint8Array[],
): Uint8Array {
  const bytes = new Uint8Array(IFADDRMSG_LENGTH);
  const view = viewOf(bytes);
  view.setUint8(0, family);
  view.setUint8(1, prefixLength);
  // Nobody else has an address that we gave out, and one that is tentative for a second answers nobody (RFC 4862, 5.4).
  view.setUint8(2, family === AF_INET6 ? IFA_F_NODAD : 0);
  view.setUint8(3, RT_SCOPE_UNIVERSE);
  view.setUint32(4, ifindex, LITTLE_ENDIAN);
  return concat([bytes, ...attributes]);
}

function broadcastAddress(address: Uint8Array, prefixLength: number): Uint8Array {
  return address.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - 8 * index))));
}
