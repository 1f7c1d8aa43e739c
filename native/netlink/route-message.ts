import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import {
  IP6_RT_PRIO_ADDRCONF,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTMSG_LENGTH,
  RTN_UNICAST,
  RTNEXTHOP_LENGTH,
  RTPROT_KERNEL,
  RTPROT_STATIC,
} from '../abi/rtnetlink.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from '../abi/socket.ts';
import { type Attributes, attribute, decodeAttributes, u32Attribute, u32Of } from './attributes.ts';
import { align, concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { anyAddress, decodeIp, encodeIp, familyOf, networkOf, parseCidr } from './ip.ts';
import type { Message, ReceivedMessage } from './message.ts';

/** A unicast route of the main table. */
export interface RouteRecord {
  /** `default` or a CIDR; a default route of IPv6 without a gateway is `::/0`. */
  readonly destination: string;
  /** Undefined: on the link itself. */
  readonly gateway: string | undefined;
  readonly ifindex: number;
}

/** Throws RangeError for addresses that are none. */
export function newRoute(route: RouteRecord): Message {
  const header = { protocol: RTPROT_STATIC, scope: RT_SCOPE_UNIVERSE, type: RTN_UNICAST };
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, body: routeBody(header, route) };
}

/**
 * To the network of an address of the link, as the kernel makes it when the address is added: of IPv4 with the address as preferred
 * source, of IPv6 with a metric of its own. `cidr`: `10.128.3.2/24`. Throws RangeError.
 */
export function newConnectedRoute({ cidr, ifindex }: { readonly cidr: string; readonly ifindex: number }): Message {
  const { address } = parseCidr(cidr);
  const ipv6 = familyOf(address) === AF_INET6;
  const header = { protocol: RTPROT_KERNEL, scope: ipv6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK, type: RTN_UNICAST };
  const body = routeBody(header, { destination: networkOf(cidr), gateway: undefined, ifindex });
  const more = ipv6 ? u32Attribute(RTA_PRIORITY, IP6_RT_PRIO_ADDRCONF) : attribute(RTA_PREFSRC, address);
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, body: concat([body, more]) };
}

/** Protocol 0 and scope nowhere: whatever it has of these (fib_table_delete). */
export function deleteRoute(route: RouteRecord): Message {
  const header = { protocol: 0, scope: RT_SCOPE_NOWHERE, type: RTN_UNICAST };
  return { type: RTM_DELROUTE, flags: 0, body: routeBody(header, route) };
}

/** All routes of all families; a kernel that knows strict checking sends those of the main table only. */
export function getRoutes(): Message {
  return { type: RTM_GETROUTE, flags: 0, body: routeHeader({ family: AF_UNSPEC, prefixLength: 0, protocol: 0, scope: 0, type: 0 }) };
}

/** What a record says of IPv4 and IPv6 unicast routes in the main table: none, one, or one for each nexthop. */
export function decodeRoutes(message: ReceivedMessage): readonly RouteRecord[] {
  const view = viewOf(message.body);
  const family = view.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return [];
  const attributes = decodeAttributes(message.body.subarray(RTMSG_LENGTH));
  const table = u32Of(attributes, RTA_TABLE) ?? view.getUint8(4);
  if (table !== RT_TABLE_MAIN || view.getUint8(7) !== RTN_UNICAST) return [];
  const multipath = attributes.get(RTA_MULTIPATH);
  const nexthops =
    multipath === undefined ? [{ gateway: gatewayOf(attributes), ifindex: u32Of(attributes, RTA_OIF) ?? 0 }] : decodeNexthops(multipath);
  const network = `${decodeIp(attributes.get(RTA_DST) ?? anyAddress(family))}/${view.getUint8(1)}`;
  return nexthops.map((nexthop) => ({ destination: destinationText(network, nexthop.gateway), ...nexthop }));
}

interface RouteHeader {
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
}

function routeBody(header: RouteHeader, { destination, gateway, ifindex }: RouteRecord): Uint8Array {
  const network = destination === 'default' ? undefined : parseCidr(destination);
  const via = gateway === undefined ? undefined : encodeIp(gateway);
  const family = familyOf(network?.address ?? via ?? anyAddress(AF_INET));
  return concat([
    routeHeader({ ...header, family, prefixLength: network?.prefixLength ?? 0 }),
    ...(network === undefined || network.prefixLength === 0 ? [] : [attribute(RTA_DST, network.address)]),
    ...(via === undefined ? [] : [attribute(RTA_GATEWAY, via)]),
    u32Attribute(RTA_OIF, ifindex),
  ]);
}

/** `struct rtmsg` */
function routeHeader(header: RouteHeader & { readonly family: number; readonly prefixLength: number }): Uint8Array {
  const { family, prefixLength, protocol, scope, type } = header;
  return Uint8Array.of(family, prefixLength, 0, 0, RT_TABLE_MAIN, protocol, scope, type, 0, 0, 0, 0);
}

function destinationText(network: string, gateway: string | undefined): string {
  if (network === '0.0.0.0/0') return 'default';
  return network === '::/0' && gateway !== undefined ? 'default' : network;
}

function gatewayOf(attributes: Attributes): string | undefined {
  const gateway = attributes.get(RTA_GATEWAY);
  return gateway === undefined ? undefined : decodeIp(gateway);
}

/** A row of `struct rtnexthop`, each with attributes of its own. */
function decodeNexthops(bytes: Uint8Array): readonly Omit<RouteRecord, 'destination'>[] {
  const view = viewOf(bytes);
  const nexthops: Omit<RouteRecord, 'destination'>[] = [];
  for (let offset = 0; offset + RTNEXTHOP_LENGTH <= bytes.length; ) {
    const length = view.getUint16(offset, LITTLE_ENDIAN);
    if (length < RTNEXTHOP_LENGTH || offset + length > bytes.length) throw new RangeError(`nexthop of ${length} bytes at ${offset}`);
    const attributes = decodeAttributes(bytes.subarray(offset + RTNEXTHOP_LENGTH, offset + length));
    nexthops.push({ gateway: gatewayOf(attributes), ifindex: view.getInt32(offset + 4, LITTLE_ENDIAN) });
    offset += align(length);
  }
  return nexthops;
}
