import { describe, expect, it } from 'vitest';
import type { FirewallSurvey, SurveyedChain } from '../../../../engine/model/firewall-survey.ts';
import { chooseFirewall, othersFilter } from '../../../../engine/plan/choose-firewall.ts';

const stack = { hash: '3f9a1c2e' };
const both = { iptables: true, nftables: true };
const base = (table: string, name: string, parts: Partial<SurveyedChain> = {}): SurveyedChain => ({
  family: 'ip',
  table,
  name,
  hooked: true,
  drops: false,
  uses: 0,
  ...parts,
});
const chain = (table: string, name: string, parts: Partial<SurveyedChain> = {}) => base(table, name, { hooked: false, ...parts });
function survey(chains: readonly SurveyedChain[], legacyTables: readonly string[] = []): FirewallSurvey {
  const tables = new Map(chains.map(({ family, table }) => [`${family} ${table}`, { family, name: table }]));
  return { chains, tables: [...tables.values()], legacyTables, hasLegacyIpv6: false };
}

const NOTHING = survey([]);
const DOCKER = survey([base('filter', 'FORWARD', { drops: true, uses: 2 }), chain('filter', 'DOCKER-USER', { uses: 2 })]);
const BY_HAND = survey([base('filter', 'INPUT', { uses: 3 })]);
const NETAVARK = survey([
  base('netavark', 'FORWARD', { family: 'inet', uses: 1 }),
  chain('netavark', 'NETAVARK-HOSTPORT-DNAT', { family: 'inet' }),
]);
const OURS = survey([
  base('filter', 'FORWARD', { uses: 2 }),
  base('filter', 'INPUT', { uses: 1 }),
  ...['ISO', 'FWD', 'IN', 'OPEN'].map((name) => chain('filter', `TS-3f9a1c2e-${name}`, { uses: 7 })),
]);
const OURS_NATIVE = survey([base('tsstack-3f9a1c2e', 'forward', { family: 'inet', uses: 4 })]);
const merged = (...surveys: readonly FirewallSurvey[]) => survey(surveys.flatMap(({ chains }) => chains));

describe('the driver of the firewall', () => {
  it.each([
    ['a host with nothing', NOTHING, 'iptables'],
    ['Docker', DOCKER, 'iptables'],
    ['rules made by hand', BY_HAND, 'iptables'],
    ['the legacy iptables', survey([], ['filter']), 'iptables'],
    ['Podman’s netavark', NETAVARK, 'nftables'],
    ['both', merged(DOCKER, NETAVARK), 'iptables'],
    ['this stack, by iptables', OURS, 'iptables'],
    ['this stack, by iptables, and netavark since', merged(OURS, NETAVARK), 'iptables'],
    ['this stack, by nftables', OURS_NATIVE, 'nftables'],
    ['this stack, by nftables, and Docker since', merged(OURS_NATIVE, DOCKER), 'nftables'],
    ['another stack, by nftables', survey([base('tsstack-00000000', 'forward', { family: 'inet' })]), 'iptables'],
  ] as const)('suits %s', (_what, found, driver) => {
    expect(chooseFirewall({ asked: undefined, survey: found, installed: both, stack })).toBe(driver);
  });

  it('is the one that is installed, also where the stack has the other one', () => {
    expect(chooseFirewall({ asked: undefined, survey: OURS, installed: { iptables: false, nftables: true }, stack })).toBe('nftables');
    expect(chooseFirewall({ asked: undefined, survey: OURS_NATIVE, installed: { iptables: true, nftables: false }, stack })).toBe(
      'iptables',
    );
  });

  it('is what was asked for, whatever else', () => {
    expect(chooseFirewall({ asked: 'nftables', survey: DOCKER, installed: { iptables: true, nftables: false }, stack })).toBe('nftables');
  });
});

describe('others’ filter tables', () => {
  it.each([
    ['nothing', NOTHING, false],
    ['our own rules alone', OURS, false],
    ['our own rules and one more', merged(OURS, survey([base('filter', 'OUTPUT', { uses: 1 })])), true],
    ['Docker', DOCKER, true],
    ['rules of IPv6', survey([base('filter', 'FORWARD', { family: 'ip6', drops: true })]), true],
    ['rules of nat', survey([base('nat', 'POSTROUTING', { uses: 1 })]), false],
    ['tables of nftables', NETAVARK, false],
    ['a table of nftables that is called filter', survey([base('filter', 'forward', { drops: true })]), false],
    ['the legacy iptables', survey([], ['filter']), true],
  ] as const)('are told apart from %s', (_what, found, seen) => {
    expect(othersFilter(found)).toBe(seen);
  });
});
