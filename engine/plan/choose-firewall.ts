/** Which driver keeps the rules of a stack, by what the host uses. */
import type { FirewallDriver } from '../model/facts.ts';
import type { FirewallSurvey, SurveyedChain } from '../model/firewall-survey.ts';
import type { StackIdentity } from '../model/ids.ts';
import { nftablesName } from './names.ts';

export interface FirewallChoice {
  /** TSSTACK_FIREWALL. */
  readonly asked: FirewallDriver | undefined;
  readonly survey: FirewallSurvey;
  /** Whether `iptables` and `nft` are in PATH. */
  readonly installed: { readonly iptables: boolean; readonly nftables: boolean };
  /** Undefined: one that has no rules yet. */
  readonly stack: Pick<StackIdentity, 'hash'> | undefined;
}

export function chooseFirewall(choice: FirewallChoice): FirewallDriver {
  return explainFirewall(choice).driver;
}

/**
 * What was asked for. Else what the stack has; else what others on this host use, iptables if they use both, since its rules are where theirs
 * are; else iptables. One that isn't installed is chosen only if there is no other: its driver says what to install.
 */
export function explainFirewall({ asked, survey, installed, stack }: FirewallChoice): { driver: FirewallDriver; why: string } {
  if (asked !== undefined) return { driver: asked, why: 'as TSSTACK_FIREWALL says' };
  if (installed.iptables !== installed.nftables) {
    return installed.nftables
      ? { driver: 'nftables', why: 'iptables is not installed' }
      : { driver: 'iptables', why: 'nftables is not installed' };
  }
  const own = stack === undefined ? { nftables: false, iptables: false } : ownFirewall(survey, stack);
  if (own.nftables) return { driver: 'nftables', why: 'it has the rules of this stack' };
  if (own.iptables) return { driver: 'iptables', why: 'it has the rules of this stack' };
  if (usesIptables(survey)) return { driver: 'iptables', why: 'others have rules there' };
  if (usesNftables(survey)) return { driver: 'nftables', why: 'others have rules there, and none in iptables' };
  return { driver: 'iptables', why: 'nobody else has rules' };
}

export interface OwnFirewall {
  readonly nftables: boolean;
  readonly iptables: boolean;
  /** Rules of ip6tables among them. */
  readonly ip6tables: boolean;
}

/** What there is of a stack's own. Chains of the legacy iptables aren't in the survey: where that is used, there may be some. */
export function ownFirewall(survey: FirewallSurvey, stack: Pick<StackIdentity, 'hash'>): OwnFirewall {
  const prefix = `TS-${stack.hash}-`;
  const chains = survey.chains.filter((chain) => isIptables(survey, chain) && chain.name.startsWith(prefix));
  return {
    nftables: survey.tables.some(({ family, name }) => family === 'inet' && name === nftablesName(stack)),
    iptables: chains.length > 0,
    ip6tables: chains.some(({ family }) => family === 'ip6'),
  };
}

/**
 * Whether others have rules or policies in the filter tables of iptables. What is accepted in a table of our own they may still drop, so it
 * must be accepted among theirs, too.
 */
export function othersFilter(survey: FirewallSurvey): boolean {
  return survey.legacyTables.includes('filter') || hasOthers(survey, (table) => table === 'filter');
}

function usesIptables(survey: FirewallSurvey): boolean {
  return survey.legacyTables.length > 0 || hasOthers(survey, () => true);
}

/** Tables of others that aren't iptables'. */
function usesNftables(survey: FirewallSurvey): boolean {
  return survey.chains.some((chain) => !isIptables(survey, chain) && !chain.table.startsWith('tsstack'));
}

const BUILTINS: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

/** Those to which stacks of ours have a jump in a built-in chain. */
const JUMPED_TO = /^TS-[0-9a-f]{8}-(?:ISO|FWD|IN|DNAT|OUT|SNAT)$/;

/** A table of iptables-nft has the built-in chains, upper case, as base chains. */
function isIptables({ chains }: FirewallSurvey, { family, table }: SurveyedChain): boolean {
  if (family !== 'ip' && family !== 'ip6') return false;
  return chains.some((one) => one.family === family && one.table === table && one.hooked && BUILTINS.has(one.name));
}

function hasOthers(survey: FirewallSurvey, looksAt: (table: string) => boolean): boolean {
  const chains = survey.chains.filter((chain) => looksAt(chain.table) && isIptables(survey, chain));
  const builtins = chains.filter(({ hooked }) => hooked);
  if (builtins.some(({ drops }) => drops)) return true;
  if (chains.some(({ hooked, name }) => !hooked && !name.startsWith('TS-'))) return true;
  // Each built-in chain's rules but for one jump for each chain of ours.
  const rules = builtins.reduce((sum, { uses }) => sum + uses, 0);
  return rules > chains.filter(({ name }) => JUMPED_TO.test(name)).length;
}
