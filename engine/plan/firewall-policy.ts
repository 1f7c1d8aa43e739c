/** What the firewall of a stack is to do, from what is declared and given out. */
import type { FirewallNetwork, FirewallPolicy } from '../model/firewall-policy.ts';
import type { LowerContext } from './lower.ts';
import { loopbackPublished, publishingNetwork } from './lower-networks.ts';
import { lowerPorts } from './lower-ports.ts';
import { bridgeName } from './names.ts';

export function firewallPolicy(context: LowerContext): FirewallPolicy {
  const { spec, stack } = context;
  const ports = lowerPorts(context).flatMap(({ by, service, targets, containerPort, ...port }) => {
    const declared = spec.services[service];
    const network = declared && publishingNetwork(context, declared);
    if (by !== 'kernel' || network === undefined) return [];
    const bridge = bridgeName(stack, network);
    return [{ ...port, targets: targets.map(({ address }) => ({ address, port: containerPort, bridge })) }];
  });
  return { networks: networksOf(context), ports };
}

function networksOf(context: LowerContext): FirewallNetwork[] {
  const { spec, stack, allocation, gateways } = context;
  const loopback = loopbackPublished(context);
  return Object.entries(spec.networks)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([network, { internal, hostAccess }]) => {
      const subnet = allocation.subnets[network];
      const gateway = gateways[network];
      if (subnet === undefined || gateway === undefined) return [];
      const ipv4 = { subnet, gateway, masquerade: !internal };
      const bridge = bridgeName(stack, network);
      return [{ bridge, owned: true, internal, hostAccess, ipv4, ipv6: undefined, loopbackPublished: loopback.has(network) }];
    });
}
