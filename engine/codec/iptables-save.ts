import type { ChainState, IptablesTable, JumpState, TableState } from '../model/firewall.ts';
import { markOf } from './iptables-mark.ts';

/** Chains of any stack. The whole name may have 28 characters (XT_EXTENSION_MAXNAMELEN, linux/netfilter/x_tables.h). */
const ANY_STACK = /^TS-[0-9a-f]{8}-/;

/**
 * Of each table filter and nat that is there: the chains `TS-<stackHash>-…`, the jumps into them, and what of others' is in their way.
 * `text`: output of iptables-save or, for `ipv6`, of ip6tables-save.
 */
export function parseSave(text: string, stackHash: string, family: 'ipv4' | 'ipv6' = 'ipv4'): TableState[] {
  const prefix = `TS-${stackHash}-`;
  return text
    .split(/^\*/m)
    .slice(1)
    .flatMap((section): TableState[] => {
      const lines = section.split('\n');
      const name = lines[0]?.trim();
      if (name !== 'filter' && name !== 'nat') return [];
      return [{ table: family === 'ipv4' ? name : (`${name}6` as IptablesTable), ...parseTable(readRules(lines), prefix) }];
    });
}

/** Rules that aren't of this product, or policies that refuse, for whoever asks which variant of iptables a host uses. */
export function hasForeignRules(text: string): boolean {
  return text
    .split('\n')
    .some((line) => /^:\S+ (?!ACCEPT|-)/.test(line) || (line.startsWith('-A ') && !line.includes(' -j TS-') && !/^-A TS-/.test(line)));
}

interface SavedChain {
  readonly builtin: boolean;
  readonly rules: string[];
}

/** `:FORWARD DROP [0:0]` declares a built-in chain, which has a policy, `:DOCKER - [0:0]` one that somebody made. */
function readRules(lines: readonly string[]): ReadonlyMap<string, SavedChain> {
  const chains = new Map<string, SavedChain>();
  for (const line of lines) {
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (declared !== undefined) chains.set(declared, { builtin: policy !== '-', rules: [] });
    const [, name = '', rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (rule !== undefined) chains.get(name)?.rules.push(rule);
  }
  return chains;
}

function parseTable(saved: ReadonlyMap<string, SavedChain>, prefix: string): Omit<TableState, 'table'> {
  const chains: ChainState[] = [];
  const jumps: JumpState[] = [];
  const refusals: Record<string, number> = {};
  for (const [name, { builtin, rules }] of saved) {
    if (name.startsWith(prefix)) chains.push({ name, marks: rules.map(markOf) });
    else jumps.push(...jumpsIn(name, rules, prefix));
    const refusal = builtin ? rules.findIndex((rule) => refusesAll(rule, saved)) : -1;
    if (refusal >= 0) refusals[name] = refusal + 1;
  }
  return { chains, jumps, refusals };
}

function jumpsIn(builtin: string, rules: readonly string[], prefix: string): JumpState[] {
  const foreign = rules.findIndex((rule) => !ANY_STACK.test(targetOf(rule) ?? ''));
  return rules.flatMap((rule, index) => {
    const chain = targetOf(rule);
    if (!chain?.startsWith(prefix)) return [];
    return [{ builtin, chain, rule, mark: markOf(rule), number: index + 1, afterOthers: foreign >= 0 && foreign < index }];
  });
}

function targetOf(rule: string): string | undefined {
  return /(?:^| )-[jg] (\S+)/.exec(rule)?.[1];
}

/** `-j REJECT --reject-with …` without a match, or a jump without one into a chain that is nothing else, as ufw's `ufw-reject-forward`. */
function refusesAll(rule: string, saved: ReadonlyMap<string, SavedChain>): boolean {
  const target = /^-j (\S+)/.exec(rule)?.[1];
  if (target === undefined) return false;
  if (target === 'DROP' || target === 'REJECT') return true;
  const [only, ...more] = saved.get(target)?.rules ?? [];
  return more.length === 0 && /^-j (DROP|REJECT)\b/.test(only ?? '');
}
