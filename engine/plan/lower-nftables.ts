import type { DesiredFirewall } from '../model/firewall-policy.ts';
import type { DesiredResource, TableSpec } from '../model/resources.ts';
import { iptablesRules } from './iptables-rules.ts';
import { chainName } from './names.ts';
import { nftablesRules } from './nftables-rules.ts';

/**
 * The firewall of a stack in a table of nftables of its own. Beside iptables' filter tables that others use (Docker, ufw) it takes more: what
 * is accepted here they may drop, so that it is accepted among theirs as well. They may come at any time, so this is always desired, and
 * counts while they are there (`besideOthers`).
 */
export function lowerNftables({ policy, stack }: Omit<DesiredFirewall, 'driver'>): DesiredResource[] {
  if (policy.networks.length === 0) return [];
  const beside = iptablesRules(policy, stack).flatMap((table) => acceptances(table, [chainName(stack, 'FWD'), chainName(stack, 'IN')]));
  return [
    { kind: 'nftables', id: `nftables:${stack.name}/inet`, spec: nftablesRules(policy, stack), needs: [], within: undefined },
    ...beside.map((spec) => ({
      kind: 'firewall' as const,
      id: `firewall:${stack.name}/${spec.table}`,
      spec,
      needs: [],
      within: undefined,
    })),
  ];
}

/** Of the filter tables; those of nat translate nothing then. */
function acceptances({ table, chains, jumps }: TableSpec, names: readonly string[]): TableSpec[] {
  if (!table.startsWith('filter')) return [];
  const ours = (name: string) => names.includes(name);
  return [{ table, besideOthers: true, chains: chains.filter(({ name }) => ours(name)), jumps: jumps.filter(({ chain }) => ours(chain)) }];
}
