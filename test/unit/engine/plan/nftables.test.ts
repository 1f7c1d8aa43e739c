import { describe, expect, it } from 'vitest';
import { encodeNftTable } from '../../../../engine/codec/nftables.ts';
import type { FirewallPolicy } from '../../../../engine/model/firewall-policy.ts';
import { nftablesRules } from '../../../../engine/plan/nftables-rules.ts';
import { policyCases } from '../../../support/firewall-policies.ts';
import { STACK } from '../../../support/plan-world.ts';

const NONE: FirewallPolicy = { networks: [], ports: [] };
const linesOf = (policy: FirewallPolicy): string[] =>
  encodeNftTable(nftablesRules(policy, STACK))
    .replaceAll(` inet tsstack-${STACK.hash}`, '')
    .replace(/ comment "tsstack:[0-9a-f]{12}"/g, '')
    .trim()
    .split('\n');

describe('the rules of nftables', () => {
  it('are the same for every stack: what differs is in sets, and in chains of its own', async () => {
    await expect(`${linesOf(NONE).join('\n')}\n`).toMatchFileSnapshot('../../../golden/nftables/frame.txt');
  });

  it('differ from that frame, for every kind of network and port, by this', async () => {
    const frame = new Set(linesOf(NONE));
    const text = policyCases().map(({ name, policy }) => {
      const lines = linesOf(policy).filter((line) => !frame.has(line));
      return [`# ${name}`, ...lines, ''].join('\n');
    });
    await expect(text.join('\n')).toMatchFileSnapshot('../../../golden/nftables/cases.txt');
  });

  it('never lead to a port on loopback from prerouting, which comes before martians are dropped', () => {
    for (const { policy, name } of policyCases()) {
      const { sets, chains } = nftablesRules(policy, STACK);
      const reached = reachable(chains, 'prerouting');
      const maps = sets.filter((set) => reached.some((text) => text.includes(`@${set.name} `) || text.endsWith(`@${set.name}`)));
      expect(
        maps.flatMap(({ elements }) => elements).filter((element) => element.startsWith('127.')),
        name,
      ).toEqual([]);
      const output = reachable(chains, 'output').join('\n');
      if (name.includes('loopback')) expect(output).toContain('@ports-loopback4');
    }
  });
});

/** Texts of all rules that a packet may meet which comes to a chain. */
function reachable(chains: ReturnType<typeof nftablesRules>['chains'], start: string): string[] {
  const seen = new Set<string>();
  const visit = (name: string): string[] => {
    if (seen.has(name)) return [];
    seen.add(name);
    const rules = chains.find((chain) => chain.name === name)?.rules.map(({ text }) => text) ?? [];
    return [...rules, ...rules.flatMap((text) => [...text.matchAll(/(?:jump|goto) (\S+)/g)].flatMap(([, next]) => visit(next ?? '')))];
  };
  return visit(start);
}
