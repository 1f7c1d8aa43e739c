/** The firewall of a stack, as resources of whichever driver this host has. */
import type { ResourceId } from '../model/ids.ts';
import type { DesiredResource } from '../model/resources.ts';
import { firewallPolicy } from './firewall-policy.ts';
import { iptablesRules } from './iptables-rules.ts';
import type { LowerContext } from './lower.ts';

export function lowerFirewall(context: LowerContext): DesiredResource[] {
  return iptablesRules(firewallPolicy(context), context.stack).map((spec) => ({
    kind: 'firewall',
    id: `firewall:${context.stack.name}/${spec.table}`,
    spec,
    needs: [],
    within: undefined,
  }));
}

/** What must be in place before a process on a network runs. */
export function firewallIds({ stack, allocation }: Pick<LowerContext, 'stack' | 'allocation'>): ResourceId[] {
  const ipv6 = Object.keys(allocation.subnets6).length > 0;
  return ['filter', 'nat', ...(ipv6 ? ['filter6', 'nat6'] : [])].map((table) => `firewall:${stack.name}/${table}`);
}
