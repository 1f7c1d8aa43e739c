/** The firewall of a stack, as resources of whichever driver this host has. */
import type { ResourceId } from '../model/ids.ts';
import type { DesiredResource } from '../model/resources.ts';
import { firewallPolicy } from './firewall-policy.ts';
import { iptablesRules } from './iptables-rules.ts';
import type { LowerContext } from './lower.ts';
import { lowerNftables } from './lower-nftables.ts';

export function lowerFirewall(context: LowerContext): DesiredResource[] {
  if (context.facts.firewall.driver === 'nftables') return lowerNftables(context);
  return iptablesRules(firewallPolicy(context), context.stack).map((spec) => ({
    kind: 'firewall',
    id: `firewall:${context.stack.name}/${spec.table}`,
    spec,
    needs: [],
    within: undefined,
  }));
}

/** What must be in place before a process on a network runs. */
export function firewallIds({ stack, allocation, facts }: Pick<LowerContext, 'stack' | 'allocation' | 'facts'>): ResourceId[] {
  const ipv6 = Object.keys(allocation.subnets6).length > 0;
  const both = (...tables: readonly string[]) =>
    [...tables, ...(ipv6 ? tables.map((table) => `${table}6`) : [])].map((table) => `firewall:${stack.name}/${table}`);
  return facts.firewall.driver === 'nftables' ? [`nftables:${stack.name}/inet`, ...both('filter')] : both('filter', 'nat');
}
