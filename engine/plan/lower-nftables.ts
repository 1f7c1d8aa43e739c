import type { DesiredResource } from '../model/resources.ts';
import { firewallPolicy } from './firewall-policy.ts';
import type { LowerContext } from './lower.ts';
import { nftablesRules } from './nftables-rules.ts';

/** The firewall of a stack in a table of nftables of its own. */
export function lowerNftables(context: LowerContext): DesiredResource[] {
  if (Object.keys(context.spec.networks).length === 0) return [];
  const { stack } = context;
  return [
    {
      kind: 'nftables',
      id: `nftables:${stack.name}/inet`,
      spec: nftablesRules(firewallPolicy(context), stack),
      needs: [],
      within: undefined,
    },
  ];
}
