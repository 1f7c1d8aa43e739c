import { observeFirewall } from '../kernel/firewall.ts';
import { readZones } from '../kernel/firewalld.ts';
import { isInstalled } from '../kernel/host-facts-firewall.ts';
import { observeNftables } from '../kernel/nftables.ts';
import type { FirewallSurvey } from '../model/firewall-survey.ts';
import type { ObservedResource } from '../model/resources.ts';
import { othersFilter, ownFirewall } from '../plan/choose-firewall.ts';
import { bridgeName, nftablesName } from '../plan/names.ts';
import { readOwnAllocation } from '../store/allocation.ts';
import type { Session } from './session.ts';

export interface ObservedRules {
  readonly rules: readonly ObservedResource[];
  readonly othersFilter: boolean;
  readonly firewalldRefuses: boolean;
}

/** The rules of a stack, whichever driver has made them. A program runs only where the survey says that there is something for it to read. */
export async function observeRules(session: Session, survey: FirewallSurvey, signal: AbortSignal): Promise<ObservedRules> {
  const { stack, paths } = session;
  const own = ownFirewall(survey, stack);
  const installed = isInstalled('iptables');
  const others = installed && othersFilter(survey);
  // The legacy iptables has chains that the survey doesn't see. Where nothing is ours yet, the place of rules depends on those of others.
  const readTables = own.iptables || others || (installed && survey.legacyTables.length > 0);
  const allocation = readOwnAllocation(paths.allocation);
  // A run that was cut off may have left rules of IPv6 which the stack has no addresses for any more.
  const left = own.ip6tables || survey.hasLegacyIpv6;
  const ipv6 = left || Object.keys(allocation.subnets6).length > 0 || Object.keys(allocation.addresses6).length > 0;
  const [tables, table, zones] = await Promise.all([
    readTables ? observeFirewall(stack.hash, { programs: (abort) => session.iptables(abort), ipv6, signal }) : [],
    own.nftables ? observeNftables(nftablesName(stack), { signal }) : undefined,
    readZones(survey, { programs: (abort) => session.iptables(abort), signal }),
  ]);
  // One that comes anew is asked anew: the command may have failed because that was just happening.
  if (zones === undefined) session.firewalldFails = false;
  return {
    rules: [
      ...tables.map((state) => ({ kind: 'firewall' as const, id: `firewall:${stack.name}/${state.table}`, state })),
      ...(table ? [{ kind: 'nftables' as const, id: `nftables:${stack.name}/inet`, state: table }] : []),
      // firewalld keeps those of bridges that are gone.
      ...Object.keys(allocation.subnets).flatMap((network) => {
        const ifname = bridgeName(stack, network);
        const zone = zones?.byIfname[ifname];
        return zone === undefined ? [] : [{ kind: 'zone' as const, id: `zone:${stack.name}/${network}`, state: { ifname, zone } }];
      }),
    ],
    othersFilter: others,
    firewalldRefuses: zones !== undefined && !zones.allBridges && !session.firewalldFails,
  };
}
