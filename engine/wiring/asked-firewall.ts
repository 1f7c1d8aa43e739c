import { TsstackError } from '../model/errors.ts';
import type { FirewallDriver } from '../model/facts.ts';

/** TSSTACK_FIREWALL. Throws `usage` for what is no driver. */
export function askedFirewall(environment: NodeJS.ProcessEnv): FirewallDriver | undefined {
  const asked = environment['TSSTACK_FIREWALL'];
  if (asked === undefined || asked === '') return undefined;
  if (asked === 'iptables' || asked === 'nftables') return asked;
  throw new TsstackError(`cannot keep the firewall’s rules with \`${asked}\`: TSSTACK_FIREWALL is \`iptables\` or \`nftables\``, {
    code: 'usage',
  });
}
