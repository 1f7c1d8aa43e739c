/** The firewall of a stack, as resources of whichever driver this host has. */
import type { DesiredFirewall, FirewallTarget } from '../model/firewall-policy.ts';
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Desired, DesiredResource } from '../model/resources.ts';
import { iptablesRules } from './iptables-rules.ts';
import type { LowerContext } from './lower-context.ts';
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
 * The firewall with no port leading to containers that don't run: one of several isn't offered its share any more, and where none is left, who
 * arrives meets the socket that holds the port, and is refused. No resources: all run, and what is desired holds.
 */
export function leadingTo({ firewall }: Desired, runs: (name: ContainerName) => boolean): Leading {
  const containers = firewall?.policy.ports.flatMap(({ targets }) => targets.flatMap(({ container }) => container ?? [])) ?? [];
  const unreached = new Set(containers.filter((name) => !runs(name)));
  if (!firewall || unreached.size === 0) return { resources: [], unreached: [] };
  const isReached = ({ container }: FirewallTarget) => container === undefined || !unreached.has(container);
  const ports = firewall.policy.ports
    .map((port) => ({ ...port, targets: port.targets.filter(isReached) }))
    .filter(({ targets }) => targets.length > 0);
  return { resources: lowerFirewall({ ...firewall, policy: { ...firewall.policy, ports } }), unreached: [...unreached].sort() };
}

interface Leading {
  readonly resources: readonly DesiredResource[];
  /** Those that don't run, though ports are published for them. */
  readonly unreached: readonly ContainerName[];
}

/** What must be in place before a process on a network runs. */
export function firewallIds({ stack, networks, facts }: Pick<LowerContext, 'stack' | 'networks' | 'facts'>): ResourceId[] {
  const ipv6 = Object.values(networks).some((network) => network.ipv6 !== undefined);
  const both = (...tables: readonly string[]) =>
    [...tables, ...(ipv6 ? tables.map((table) => `${table}6`) : [])].map((table) => `firewall:${stack.name}/${table}`);
  return facts.firewall.driver === 'nftables' ? [`nftables:${stack.name}/inet`, ...both('filter')] : both('filter', 'nat');
}
