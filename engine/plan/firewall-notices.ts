import type { Notice } from '../model/plan.ts';
import type { LowerContext } from './lower-context.ts';

/** What no rule of ours can do anything about. */
export function firewallNotices({ facts, gateways }: Pick<LowerContext, 'facts' | 'gateways'>): Notice[] {
  if (!facts.firewall.refusedByFirewalld || Object.keys(gateways).length === 0) return [];
  return [{ resource: undefined, message: `firewalld keeps containers from the outside and from names: ${TRUST_BRIDGES}` }];
}

/** Interfaces that aren't there yet and those of every stack to come: `+` is any end of a name (firewalld.zone(5)). */
export const TRUST_BRIDGES =
  'run `firewall-cmd --permanent --zone=trusted --add-interface=ts-+`, then `firewall-cmd --reload`, to have it trust their bridges';
