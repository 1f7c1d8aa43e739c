import { NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import {
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
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
import { AF_INET } from '../abi/socket.ts';
import { type Attributes, attribute, decodeAttributes, u32Attribute, u32Of } from './attributes.ts';
import { align, concat, LITTLE_ENDIAN, viewOf } from './bytes.ts';
import { decodeIpv4, encodeIpv4, networkOf, parseCidr } from './ipv4.ts';
import type { Message, ReceivedMessage } from './message.ts';

/** An IPv4 unicast route of the main table. */
export interface RouteRecord {
  /** `default` or a CIDR. */
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

/** To the network of an address of the link, as the kernel makes it when the address is added. `cidr`: `10.128.3.2/24`. Throws RangeError. */
export function newConnectedRoute({ cidr, ifindex }: { readonly cidr: string; readonly ifindex: number }): Message {
  const header = { protocol: RTPROT_KERNEL, scope: RT_SCOPE_LINK, type: RTN_UNICAST };
  const body = routeBody(header, { destination: networkOf(cidr), gateway: undefined, ifindex });
  const source = attribute(RTA_PREFSRC, parseCidr(cidr).address);
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_EXCL, body: concat([body, source]) };
}

/** Protocol 0 and scope nowhere: whatever it has of these (fib_table_delete). */
export function deleteRoute(route: RouteRecord): Message {
  const header = { protocol: 0, scope: RT_SCOPE_NOWHERE, type: RTN_UNICAST };
  return { type: RTM_DELROUTE, flags: 0, body: routeBody(header, route) };
}

/** All IPv4 routes; a kernel that knows strict checking sends those of the main table only. */
export function getRoutes(): Message {
  return { type: RTM_GETROUTE, flags: 0, body: routeHeader({ prefixLength: 0, protocol: 0, scope: 0, type: 0 }) };
}

/** What a record says of unicast routes in the main table: none, one, or one for each nexthop. */
export function decodeRoutes(message: ReceivedMessage): readonly RouteRecord[] {
  const view = viewOf(message.body);
  const attributes = decodeAttributes(message.body.subarray(RTMSG_LENGTH));
  const table = u32Of(attributes, RTA_TABLE) ?? view.getUint8(4);
  if (table !== RT_TABLE_MAIN || view.getUint8(7) !== RTN_UNICAST) return [];
  const destination = destinationText(attributes, view.getUint8(1));
  const multipath = attributes.get(RTA_MULTIPATH);
  if (multipath !== undefined) return decodeNexthops(multipath).map((nexthop) => ({ destination, ...nexthop }));
  return [{ destination, gateway: gatewayOf(attributes), ifindex: u32Of(attributes, RTA_OIF) ?? 0 }];
}

interface RouteHeader {
  readonly protocol: number;
  readonly scope: number;
  readonly type: number;
}

function routeBody(header: RouteHeader, route: RouteRecord): Uint8Array {
  const destination = route.destination === 'default' ? undefined : parseCidr(route.destination);
  return concat([
    routeHeader({ ...header, prefixLength: destination?.prefixLength ?? 0 }),
    ...(destination === undefined ? [] : [attribute(RTA_DST, destination.address)]),
    ...(route.gateway === undefined ? [] : [attribute(RTA_GATEWAY, encodeIpv4(route.gateway))]),
    u32Attribute(RTA_OIF, route.ifindex),
  ]);
}

/** `struct rtmsg` */
function routeHeader(header: RouteHeader & { readonly prefixLength: number }): Uint8Array {
  const { prefixLength, protocol, scope, type } = header;
  return Uint8Array.of(AF_INET, prefixLength, 0, 0, RT_TABLE_MAIN, protocol, scope, type, 0, 0, 0, 0);
}

function destinationText(attributes: Attributes, prefixLength: number): string {
  if (prefixLength === 0) return 'default';
  return `${decodeIpv4(attributes.get(RTA_DST) ?? new Uint8Array(4))}/${prefixLength}`;
}

function gatewayOf(attributes: Attributes): string | undefined {
  const gateway = attributes.get(RTA_GATEWAY);
  return gateway === undefined ? undefined : decodeIpv4(gateway);
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
