/** Which driver keeps a new stack's rules on this host, and beside whom: for `doctor`. */
import { refusedByFirewalld } from '../kernel/firewalld.ts';
import { isInstalled, surveyFirewall } from '../kernel/host-facts-firewall.ts';
import { findIptables, type IptablesVariant } from '../kernel/iptables-programs.ts';
import type { FirewallFacts } from '../model/facts.ts';
import { explainFirewall } from '../plan/choose-firewall.ts';
import { TRUST_BRIDGES } from '../plan/firewall-notices.ts';
import { otherFirewalls } from '../plan/other-firewalls.ts';
import { askedFirewall } from './asked-firewall.ts';

export interface FirewallReport extends FirewallFacts {
  readonly why: string;
  /** Of iptables, if that is the driver. */
  readonly variant: IptablesVariant | undefined;
  /** `ufw`, `Docker`. */
  readonly others: readonly string[];
  /** What to do if firewalld refuses. */
  readonly trustBridges: string;
}

/** Throws TsstackError: not root; TSSTACK_FIREWALL names no driver. */
export async function reportFirewall(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<FirewallReport> {
  const survey = surveyFirewall();
  const installed = { iptables: isInstalled('iptables'), nftables: isInstalled('nft') };
  const { driver, why } = explainFirewall({ asked: askedFirewall(environment), survey, installed, stack: undefined });
  // No stack has this hash.
  const iptables = driver === 'iptables' ? await findIptables({ environment, stackHash: 'none', signal }) : undefined;
  return {
    driver,
    why,
    variant: iptables?.variant,
    others: otherFirewalls(survey),
    refusedByFirewalld: refusedByFirewalld(survey),
    trustBridges: TRUST_BRIDGES,
  };
}
