import { expect, test } from 'vitest';
import { parseInputZones, parseSavedInputZones } from '../../../../engine/codec/firewalld.ts';
import { otherFirewalls } from '../../../../engine/plan/other-firewalls.ts';

test('others are known by the names of their tables and chains, and ours are nobody else’s', () => {
  const chain = (name: string) => ({ family: 'ip', table: 'filter', name, hooked: false, drops: false, uses: 1 }) as const;
  const none = { tables: [], chains: [], legacyTables: [], hasLegacyIpv6: false };
  const found = {
    ...none,
    tables: [{ family: 'inet', name: 'firewalld' } as const],
    chains: [chain('DOCKER-USER'), chain('ufw-before-input'), chain('TS-3f9a1c2e-FWD')],
  };
  expect(otherFirewalls(found)).toEqual(['ufw', 'firewalld', 'Docker']);
  expect(otherFirewalls({ ...none, legacyTables: ['filter'] })).toEqual(['legacy iptables']);
  expect(otherFirewalls(none)).toEqual([]);
});

test.each([
  ['\t\tiifname "ts-*" goto filter_IN_trusted\n\t\tgoto filter_IN_public\n', { allBridges: true, byIfname: {} }],
  ['\t\tiifname "ts-a-6f35d4" goto filter_IN_work\n', { allBridges: false, byIfname: { 'ts-a-6f35d4': 'work' } }],
  ['\t\tgoto filter_IN_trusted\n', { allBridges: true, byIfname: {} }],
  ['\t\tiifname "eth0" goto filter_IN_trusted\n\t\tgoto filter_IN_public\n', { allBridges: false, byIfname: { eth0: 'trusted' } }],
])('firewalld’s chain tells which zones our bridges are in: %j', (chain, zones) => {
  expect(parseInputZones(chain)).toEqual(zones);
});

test.each([
  ['-A INPUT_ZONES -i ts-+ -g IN_trusted\n-A INPUT_ZONES -g IN_public\n', { allBridges: true, byIfname: {} }],
  ['-A INPUT_ZONES -i ts-a-6f35d4 -g IN_work\n', { allBridges: false, byIfname: { 'ts-a-6f35d4': 'work' } }],
  ['-A INPUT_ZONES -g IN_trusted\n', { allBridges: true, byIfname: {} }],
  ['-A INPUT_ZONES -i eth0 -g IN_trusted\n-A INPUT_ZONES -g IN_public\n', { allBridges: false, byIfname: { eth0: 'trusted' } }],
])('so does that of its iptables backend: %j', (rules, zones) => {
  expect(parseSavedInputZones(`*filter\n:INPUT_ZONES - [0:0]\n-A INPUT -j INPUT_ZONES\n${rules}COMMIT\n`)).toEqual(zones);
});

test('without that chain, firewalld doesn’t keep its zones there', () => {
  expect(parseSavedInputZones('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth0 -j ACCEPT\nCOMMIT\n')).toBeUndefined();
});
