/** What the firewall of a stack is to do, from what is declared and given out. */
import { isIpv6 } from '../../dsl/addresses.ts';
import { formatNetwork } from '../codec/ip.ts';
import type { FirewallNetwork, FirewallPolicy, FirewallPort, FirewallSubnet } from '../model/firewall-policy.ts';
import type { PortLead } from '../model/ports.ts';
import type { GivenNetwork, GivenSubnet } from './allocate-networks.ts';
import type { LowerContext } from './lower-context.ts';
import { loopbackPublished, publishingNetwork } from './lower-networks.ts';

/** `leads`: of `lowerPorts`. */
export function firewallPolicy(context: LowerContext, leads: readonly PortLead[]): FirewallPolicy {
  const { spec, networks } = context;
  const ports = leads.flatMap(({ by, service, targets, containerPort, ...port }): FirewallPort[] => {
    const declared = spec.services[service];
    const network = declared && publishingNetwork(context, declared);
    const bridge = network === undefined ? undefined : networks[network]?.bridge;
    if (by !== 'kernel' || bridge === undefined) return [];
    const reached = targets.filter(({ address }) => isIpv6(address) === isIpv6(port.hostAddress));
    if (reached.length === 0) return [];
    return [{ ...port, targets: reached.map(({ address, container }) => ({ address, port: containerPort, bridge, container })) }];
  });
  return { networks: networksOf(context), ports: ports.sort(inOrder) };
}

function networksOf(context: LowerContext): FirewallNetwork[] {
  const { spec, networks } = context;
  const loopback = loopbackPublished(context);
  return Object.entries(networks)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, given]): FirewallNetwork[] => {
      const { kind, bridge, internal } = given;
      const declared = spec.networks[name];
      const ipv4 = subnetOf(given.ipv4, outward(given));
      if (!declared || bridge === undefined || ipv4 === undefined) return [];
      const ipv6 = given.ipv6 && subnetOf(given.ipv6, outward(given) && declared.ipv6?.way === 'nat');
      const hostAccess = !internal || declared.hostAccess;
      return [{ bridge, owned: kind === 'own', internal, hostAccess, ipv4, ipv6, loopbackPublished: loopback.has(name) }];
    });
}

function outward({ kind, internal }: GivenNetwork): boolean {
  return kind === 'own' && !internal;
}

/** A bridge without an address of its own is reached by nobody through the host. */
function subnetOf({ range, gateway }: GivenSubnet, masquerade: boolean): FirewallSubnet | undefined {
  return gateway === undefined ? undefined : { subnet: formatNetwork(range), gateway, masquerade };
}

/** Whatever the order in which services and ports are declared: a rule moves only when it changes. */
function inOrder(a: FirewallPort, b: FirewallPort): number {
  const text = ({ protocol, hostAddress }: FirewallPort) => `${protocol} ${hostAddress}`;
  return a.hostPort - b.hostPort || (text(a) < text(b) ? -1 : 1);
}
