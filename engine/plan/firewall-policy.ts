/** What the firewall of a stack is to do, from what is declared and given out. */
import type { FirewallNetwork, FirewallPolicy, FirewallPort, FirewallSubnet } from '../model/firewall-policy.ts';
import { isIpv6 } from './iptables-family.ts';
import type { LowerContext } from './lower.ts';
import { loopbackPublished, publishingNetwork } from './lower-networks.ts';
import { lowerPorts } from './lower-ports.ts';
import { bridgeName } from './names.ts';

export function firewallPolicy(context: LowerContext): FirewallPolicy {
  const { spec } = context;
  const ports = lowerPorts(context).flatMap(({ by, service, targets, containerPort, ...port }): FirewallPort[] => {
    const declared = spec.services[service];
    const network = declared && publishingNetwork(context, declared);
    const bridge = network === undefined ? undefined : bridgeOf(context, network);
    if (by !== 'kernel' || bridge === undefined || port.hostAddress === '::1') return [];
    const reached = targets.filter(({ address }) => isIpv6(address) === isIpv6(port.hostAddress));
    if (reached.length === 0) return [];
    return [{ ...port, targets: reached.map(({ address }) => ({ address, port: containerPort, bridge })) }];
  });
  return { networks: networksOf(context), ports: ports.sort(inOrder) };
}

/** Undefined: it has none (macvlan), or nobody has made it yet. */
function bridgeOf({ spec, stack, facts }: LowerContext, network: string): string | undefined {
  const declared = spec.networks[network];
  if (declared?.driver !== 'bridge') return undefined;
  return declared.external === undefined ? bridgeName(stack, network) : facts.externals[network]?.bridge;
}

function networksOf(context: LowerContext): FirewallNetwork[] {
  const { spec, facts } = context;
  const loopback = loopbackPublished(context);
  return Object.keys(spec.networks)
    .sort()
    .flatMap((network): FirewallNetwork[] => {
      const declared = spec.networks[network];
      const bridge = bridgeOf(context, network);
      const external = facts.externals[network];
      const foreign = declared?.external !== undefined;
      const ipv4 = foreign ? subnetOf(external?.subnet, external?.gateway, false) : ownSubnet(context, network, 'ipv4');
      if (!declared || bridge === undefined || ipv4 === undefined) return [];
      const internal = foreign ? (external?.internal ?? false) : declared.internal;
      const ipv6 = foreign ? subnetOf(external?.subnet6, external?.gateway6, false) : ownSubnet(context, network, 'ipv6');
      const hostAccess = !internal || declared.hostAccess;
      return [{ bridge, owned: !foreign, internal, hostAccess, ipv4, ipv6, loopbackPublished: loopback.has(network) }];
    });
}

function ownSubnet(
  { spec, allocation, gateways, gateways6 }: LowerContext,
  network: string,
  family: 'ipv4' | 'ipv6',
): FirewallSubnet | undefined {
  const declared = spec.networks[network];
  const outward = !declared?.internal;
  if (family === 'ipv4') return subnetOf(allocation.subnets[network], gateways[network], outward);
  return subnetOf(allocation.subnets6[network], gateways6?.[network], outward && declared?.ipv6?.way === 'nat');
}

/** A bridge without an address of its own is reached by nobody through the host. */
function subnetOf(subnet: string | undefined, gateway: string | undefined, masquerade: boolean): FirewallSubnet | undefined {
  return subnet === undefined || gateway === undefined ? undefined : { subnet, gateway, masquerade };
}

/** Whatever the order in which services and ports are declared: a rule moves only when it changes. */
function inOrder(a: FirewallPort, b: FirewallPort): number {
  const text = ({ protocol, hostAddress }: FirewallPort) => `${protocol} ${hostAddress}`;
  return a.hostPort - b.hostPort || (text(a) < text(b) ? -1 : 1);
}
