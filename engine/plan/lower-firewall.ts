/** The firewall of a stack, as resources of whichever driver this host has. */
import type { DesiredFirewall, FirewallTarget } from '../model/firewall-policy.ts';
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Desired, DesiredResource } from '../model/resources.ts';
import { iptablesRules } from './iptables-rules.ts';
import type { LowerContext } from './lower.ts';
import { lowerNftables } from './lower-nftables.ts';

export function lowerFirewall({ policy, stack, driver }: DesiredFirewall): DesiredResource[] {
  if (driver === 'nftables') return lowerNftables({ policy, stack });
  return iptablesRules(policy, stack).map((spec) => ({
    kind: 'firewall',
    id: `firewall:${stack.name}/${spec.table}`,
    spec,
    needs: [],
    within: undefined,
  }));
}

/**
 * The same, with no port leading to these containers, which were stopped on request: one of several isn't offered its share any more, and where
 * none is left, who arrives meets the socket that holds the port, and is refused.
 */
export function withoutStopped(desired: Desired, stopped: readonly ContainerName[]): Desired {
  const { firewall } = desired;
  const runs = ({ container }: FirewallTarget) => container === undefined || !stopped.includes(container);
  if (!firewall || firewall.policy.ports.every(({ targets }) => targets.every(runs))) return desired;
  const ports = firewall.policy.ports
    .map((port) => ({ ...port, targets: port.targets.filter(runs) }))
    .filter(({ targets }) => targets.length > 0);
  const made = lowerFirewall({ ...firewall, policy: { ...firewall.policy, ports } });
  const renewed = new Map(made.map((resource) => [resource.id, resource]));
  return { ...desired, resources: desired.resources.map((resource) => renewed.get(resource.id) ?? resource) };
}

/** What must be in place before a process on a network runs. */
export function firewallIds({ stack, networks, facts }: Pick<LowerContext, 'stack' | 'networks' | 'facts'>): ResourceId[] {
  const ipv6 = Object.values(networks).some((network) => network.ipv6 !== undefined);
  const both = (...tables: readonly string[]) =>
    [...tables, ...(ipv6 ? tables.map((table) => `${table}6`) : [])].map((table) => `firewall:${stack.name}/${table}`);
  return facts.firewall.driver === 'nftables' ? [`nftables:${stack.name}/inet`, ...both('filter')] : both('filter', 'nat');
}
