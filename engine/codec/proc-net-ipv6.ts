/** IPv6 in /proc/<pid>/net: `if_inet6` (proc_pid_net(5)) and `ipv6_route` (rt6_info_route in net/ipv6/route.c). Numbers are in hex. */
import { formatIp, formatNetwork, type IpRange, parseNetwork } from './ip.ts';

/** linux/route.h and linux/ipv6_route.h */
const RTF_GATEWAY = 0x2;
const RTF_REJECT = 0x200;
const RTF_ADDRCONF = 0x40000;
const RTF_ANYCAST = 0x100000;
const RTF_LOCAL = 0x80000000;

/** As in `if_inet6`: of these scopes an address isn't given out by anybody (RFC 4291, 2.5.3 and 2.5.6). */
const SCOPE_GLOBAL = 0;

export interface Ipv6Route {
  readonly ifname: string;
  readonly network: IpRange;
  /** Undefined: on the link itself. */
  readonly gateway: string | undefined;
  /** Learned by the kernel from a router's advertisement. */
  readonly advertised: boolean;
}

/** Addresses of global scope, unique local ones among them, by interface. `text`: of `if_inet6`. */
export function parseAddresses6(text: string): { readonly ifname: string; readonly cidr: string }[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', , prefix = '', scope = '', , ifname] = line.trim().split(/\s+/);
    if (ifname === undefined || Number.parseInt(scope, 16) !== SCOPE_GLOBAL) return [];
    return [{ ifname, cidr: `${addressText(address)}/${Number.parseInt(prefix, 16)}` }];
  });
}

/** Unicast routes that lead to other hosts: not those to this host's own addresses, nor to all hosts of a link, nor those that refuse. */
export function parseRoutes6(text: string): Ipv6Route[] {
  return text.split('\n').flatMap((line) => {
    const [destination = '', prefix = '', , , gateway = '', , , , flagsText = '', ifname] = line.trim().split(/\s+/);
    const flags = Number.parseInt(flagsText, 16);
    if (ifname === undefined || ifname === 'lo' || (flags & (RTF_REJECT | RTF_ANYCAST | RTF_LOCAL)) !== 0) return [];
    if (destination.startsWith('ff')) return [];
    return [
      {
        ifname,
        network: parseNetwork(`${addressText(destination)}/${Number.parseInt(prefix, 16)}`),
        gateway: (flags & RTF_GATEWAY) === 0 ? undefined : addressText(gateway),
        advertised: (flags & RTF_ADDRCONF) !== 0,
      },
    ];
  });
}

/** Addresses whose network is reached by their interface, as the kernel arranges it; a flush of routes undoes that. */
export function connectedAddresses6(
  addresses: readonly { readonly ifname: string; readonly cidr: string }[],
  routes: readonly Ipv6Route[],
): { readonly ifname: string; readonly cidr: string }[] {
  const connected = new Set(
    routes.flatMap(({ ifname, network, gateway }) => (gateway === undefined ? [`${ifname} ${formatNetwork(network)}`] : [])),
  );
  return addresses.filter(({ ifname, cidr }) => cidr.endsWith('/128') || connected.has(`${ifname} ${formatNetwork(parseNetwork(cidr))}`));
}

/** What covers this much is a default route in parts (2000::/3), or a block of which a random prefix is hardly anybody's (fc00::/7). */
const SHORTEST_PREFIX = 16;
const LINK_LOCAL = parseNetwork('fe80::/10');

/** Networks that are routed to, for nobody else to use: no default routes, and not what every link has. */
export function routedNetworks6(routes: readonly Ipv6Route[]): { readonly ifname: string; readonly cidr: string }[] {
  return routes.flatMap(({ ifname, network }) => {
    const everywhere = network.first >= LINK_LOCAL.first && network.last <= LINK_LOCAL.last;
    return network.prefix < SHORTEST_PREFIX || everywhere ? [] : [{ ifname, cidr: formatNetwork(network) }];
  });
}

function addressText(hex: string): string {
  return formatIp({ family: 6, value: BigInt(`0x${hex}`) });
}
