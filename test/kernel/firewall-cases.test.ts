/** Every policy in the kernel, by both variants of iptables: each made out of the one before it, the last one removed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firewallExecutors, observeFirewall } from '../../engine/kernel/firewall.ts';
import { findIptables } from '../../engine/kernel/iptables-programs.ts';
import type { TableSpec } from '../../engine/model/resources.ts';
import { iptablesRules } from '../../engine/plan/iptables-rules.ts';
import { firewallRule } from '../../engine/plan/rules/firewall-rule.ts';
import { policyCases } from '../support/firewall-policies.ts';
import { POLICY, STACK } from '../support/plan-world.ts';
import { PrivateNetns } from './private-netns.ts';

const signal = new AbortController().signal;
let host: PrivateNetns;
beforeEach(() => {
  host = new PrivateNetns('host');
});
afterEach(() => host[Symbol.dispose]());

describe.each(['iptables-nft', 'iptables-legacy'])('%s', (program) => {
  const find = () => findIptables({ environment: { TSSTACK_IPTABLES: program, PATH: process.env['PATH'] }, stackHash: STACK.hash, signal });
  const observe = () => observeFirewall(STACK.hash, { enter: host.enter, programs: find, ipv6: true, signal });
  const saved = () =>
    ['iptables', 'ip6tables'].map((name) =>
      host
        .run(`${program.replace('iptables', name)}-save`)
        .split('\n')
        // Counters and the time of day; the nft variant makes tables for whoever asks, and they are empty.
        .filter((line) => !line.startsWith('#'))
        .map((line) => line.replace(/ \[\d+:\d+\]$/, '')),
    );

  /** As the plan would have it: what the rule says is done, and then it says nothing more. */
  async function settle(tables: readonly TableSpec[]): Promise<void> {
    const run = firewallExecutors({ enter: host.enter, programs: find });
    const changes = await left(tables);
    await Promise.all(changes.map((op) => (op.kind === 'firewall.replace' ? run[op.kind](op, signal) : run[op.kind](op, signal))));
    expect(await left(tables)).toEqual([]);
  }

  async function left(tables: readonly TableSpec[]) {
    const states = await observe();
    const names = new Set([...tables, ...states].map(({ table }) => table));
    return [...names].flatMap((name) => {
      const found = { desired: tables.find(({ table }) => table === name), observed: states.find(({ table }) => table === name) };
      const { remove, make } = firewallRule(name, found, {
        policy: POLICY,
        renewed: false,
        order: { kind: 'none' },
        bare: false,
        unownedLinks: {},
      });
      return [...remove, ...make].flatMap(({ op }) => (op.kind === 'firewall.replace' || op.kind === 'firewall.delete' ? [op] : []));
    });
  }

  it('takes all that a policy may come to, and leaves nothing of it', { timeout: 60_000 }, async () => {
    for (const name of ['iptables', 'ip6tables']) {
      const command = program.replace('iptables', name);
      host.run(`${command} -P FORWARD DROP`);
      host.run(`${command} -A FORWARD -p tcp -m tcp --dport 9 -j ACCEPT`);
      host.run(`${command} -A FORWARD -j REJECT`);
      host.run(`${command} -t nat -A POSTROUTING -p tcp -m tcp --dport 9 -j ACCEPT`);
    }
    const before = saved();
    for (const { policy } of policyCases().filter((_, index) => index % 3 === 0)) await settle(iptablesRules(policy, STACK));
    await settle([]);
    expect(saved()).toEqual(before);
  });

  it('adds one port to two hundred with one rule, and leaves jumps and all other rules where they are', async () => {
    const [first] = policyCases();
    const networks = (first?.policy.networks ?? []).map((network) => ({ ...network, loopbackPublished: true }));
    const bridge = networks[0]?.bridge ?? '';
    const port = (hostPort: number) => ({
      protocol: 'tcp' as const,
      hostAddress: '0.0.0.0',
      hostPort,
      targets: [{ address: '10.128.3.2', port: 80, bridge }],
    });
    const ports = Array.from({ length: 200 }, (_, i) => port(8000 + 2 * i));
    await settle(iptablesRules({ networks, ports }, STACK));
    const before = saved()[0] ?? [];
    await settle(iptablesRules({ networks, ports: [...ports, port(8101)].sort((a, b) => a.hostPort - b.hostPort) }, STACK));
    const after = saved()[0] ?? [];
    const added = after.filter((line) => !before.includes(line));
    expect(added).toEqual([expect.stringMatching(/^-A TS-\w+-PUB-T1FA -p tcp -m tcp --dport 8101 /)]);
    expect(after.filter((line) => !added.includes(line))).toEqual(before);
  });

  it('goes before what others accept and refuse, however late it comes, and what others wrote stays as it is', async () => {
    const cases = policyCases();
    const tables = iptablesRules(
      cases.find(({ name }) => name.includes('published everywhere'))?.policy ?? { networks: [], ports: [] },
      STACK,
    );
    const forward = () =>
      host
        .run(`${program} -S FORWARD`)
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => / -j (TS-\w+-)?(\S+)/.exec(line)?.[2]);
    host.run(`${program} -A FORWARD -s 192.0.2.1 -j DROP`);
    host.run(`${program} -A FORWARD -j REJECT`);
    await settle(tables);
    expect(forward()).toEqual(['ISO', 'DROP', 'FWD', 'REJECT']);
    // As Docker does when it starts, and others who want the last word.
    host.run(`${program} -I FORWARD -i docker0 -j ACCEPT`);
    host.run(`${program} -I FORWARD 3 -j DROP`);
    await settle(tables);
    expect(forward()).toEqual(['ISO', 'ACCEPT', 'FWD', 'DROP', 'DROP', 'REJECT']);
  });
});
