import { describe, expect, it } from 'vitest';
import type { FirewallNetwork, FirewallPort } from '../../../../engine/model/firewall-policy.ts';
import { iptablesRules } from '../../../../engine/plan/iptables-rules.ts';
import { policyCases } from '../../../support/firewall-policies.ts';
import { tablesText } from '../../../support/firewall-text.ts';
import { STACK } from '../../../support/plan-world.ts';

const network: FirewallNetwork = {
  bridge: 'ts-front-6f35d4',
  owned: true,
  internal: false,
  hostAccess: true,
  ipv4: { subnet: '10.1.0.0/24', gateway: '10.1.0.1', masquerade: true },
  ipv6: { subnet: 'fd00:1::/64', gateway: 'fd00:1::1', masquerade: true },
  loopbackPublished: true,
};
const port = (hostPort: number, parts: Partial<FirewallPort> = {}): FirewallPort => ({
  protocol: 'tcp',
  hostAddress: '0.0.0.0',
  hostPort,
  targets: [{ address: '10.1.0.2', port: 80, bridge: network.bridge }],
  ...parts,
});
const chainsOf = (ports: readonly FirewallPort[], table: string) =>
  new Map(
    iptablesRules({ networks: [network], ports }, STACK)
      .find((one) => one.table === table)
      ?.chains.map(({ name, rules }) => [name.replace(`TS-${STACK.hash}-`, ''), rules.map(({ text }) => text)] as const),
  );

describe('iptablesRules', () => {
  it('renders every combination of options', async () => {
    const blocks = policyCases().map(({ name, policy }) => `# ${name}\n\n${tablesText(iptablesRules(policy, STACK))}`);
    const text = blocks.join('\n').replaceAll(`TS-${STACK.hash}-`, '');
    await expect(text).toMatchFileSnapshot('../../../golden/firewall/iptables.txt');
  });

  it('has nothing of IPv6 where no network has it', () => {
    const four = { ...network, ipv6: undefined };
    expect(iptablesRules({ networks: [four], ports: [port(80)] }, STACK).map(({ table }) => table)).toEqual(['filter', 'nat']);
  });

  it('gives two rules the same mark only if they say the same', () => {
    const rules = iptablesRules({ networks: [network], ports: [port(80), port(81)] }, STACK).flatMap(({ chains }) =>
      chains.flatMap((chain) => chain.rules),
    );
    expect(new Set(rules.map(({ mark }) => mark)).size).toBe(new Set(rules.map(({ text }) => text)).size);
  });

  it('leaves the proxy on ::1 alone, whatever is published on all addresses', () => {
    const six = port(80, { hostAddress: '::', targets: [{ address: 'fd00:1::2', port: 80, bridge: network.bridge }] });
    expect(chainsOf([six], 'nat6').get('OUT')?.[0]).toBe('-d ::1/128 -j RETURN');
  });

  it('lets containers ask for names at their bridge though port 53 is published on all addresses', () => {
    const [, first] = chainsOf([port(53, { protocol: 'udp' })], 'nat').get('DNAT') ?? [];
    expect(first).toBe('-i ts-+ -p udp -m udp --dport 53 -m addrtype --dst-type LOCAL --limit-iface-in -j RETURN');
    expect(chainsOf([port(53, { hostAddress: '192.0.2.1' })], 'nat').get('DNAT')).toHaveLength(2);
  });

  it('leaves to the proxy what is asked for on loopback of a bridge that takes nothing from there', () => {
    const [out] = iptablesRules({ networks: [{ ...network, owned: false, loopbackPublished: false }], ports: [port(80)] }, STACK).flatMap(
      ({ table, chains }) => (table === 'nat' ? chains.filter(({ name }) => name.endsWith('-OUT')) : []),
    );
    expect(out?.rules.map(({ text }) => text)[0]).toBe('-d 127.0.0.0/8 -p tcp -m tcp --dport 80 -j RETURN');
  });

  it('finds a port among hundreds by few rules', () => {
    const ports = Array.from({ length: 200 }, (_, i) => port(8000 + i));
    const chains = chainsOf(ports, 'nat');
    const longest = Math.max(...[...chains.values()].map((rules) => rules.length));
    expect(longest).toBeLessThanOrEqual(16);
    expect([...chains.keys()].filter((name) => name.startsWith('PUB'))).toMatchSnapshot();
    expect(chains.get('PUB-T1F4')).toEqual(
      Array.from({ length: 16 }, (_, i) => `-p tcp -m tcp --dport ${8000 + i} -j DNAT --to-destination 10.1.0.2:80`),
    );
  });

  it('changes one chain when there is one port more among hundreds', () => {
    const ports = Array.from({ length: 200 }, (_, i) => port(8000 + 2 * i));
    const before = chainsOf(ports, 'nat');
    const after = chainsOf(
      [...ports, port(8101)].sort((a, b) => a.hostPort - b.hostPort),
      'nat',
    );
    const changed = [...after].filter(([name, rules]) => before.get(name)?.join() !== rules.join());
    expect(changed.map(([name]) => name)).toEqual(['PUB-T1FA']);
    expect(changed[0]?.[1]).toHaveLength((before.get('PUB-T1FA')?.length ?? 0) + 1);
  });
});
