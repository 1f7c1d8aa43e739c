import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeNftChange, encodeNftDelete } from '../../engine/codec/nftables.ts';
import { nftablesExecutors, observeNftables } from '../../engine/kernel/nftables.ts';
import type { FirewallPolicy, FirewallPort } from '../../engine/model/firewall-policy.ts';
import type { NftablesSpec, NftablesState } from '../../engine/model/nftables.ts';
import { compareNftables } from '../../engine/plan/nftables-change.ts';
import { nftablesRules } from '../../engine/plan/nftables-rules.ts';
import { policyCases } from '../support/firewall-policies.ts';
import { STACK } from '../support/plan-world.ts';
import { PrivateNetns } from './private-netns.ts';

const signal = new AbortController().signal;
const name = `tsstack-${STACK.hash}`;
let host: PrivateNetns;
beforeEach(() => {
  host = new PrivateNetns('host');
});
afterEach(() => host[Symbol.dispose]());

const observe = (): Promise<NftablesState | undefined> => observeNftables(name, { enter: host.enter, signal });
const replace = (table: NftablesSpec): Promise<void> =>
  nftablesExecutors({ enter: host.enter })['nftables.replace']({ kind: 'nftables.replace', table }, signal);
const nft = (input: string, ...options: string[]): void => {
  execFileSync(host.enter[0] ?? '', [...host.enter.slice(1), 'nft', ...options, '-f', '-'], { input });
};

/** Whatever `up` would do about what is there. */
async function bring(table: NftablesSpec): Promise<string> {
  const observed = await observe();
  if (!observed) {
    await replace(table);
    return 'not found';
  }
  const difference = compareNftables(table, observed);
  if (difference.kind === 'none') return 'none';
  const run = nftablesExecutors({ enter: host.enter });
  if (difference.kind === 'all') await replace(table);
  else await run['nftables.update']({ kind: 'nftables.update', table, change: difference.change }, signal);
  return difference.cause;
}

/** Many services on one network, each with a port. */
function services(count: number, replicas = 1): FirewallPolicy {
  const network = {
    bridge: 'ts-front-3f9a1c',
    owned: true,
    internal: false,
    hostAccess: true,
    ipv4: { subnet: '10.128.0.0/16', gateway: '10.128.0.1', masquerade: true },
    ipv6: undefined,
    loopbackPublished: true,
  };
  const ports = Array.from({ length: count }, (_, i): FirewallPort => {
    const targets = Array.from({ length: replicas }, (_, r) => ({ address: `10.128.${i}.${r + 2}`, port: 80, bridge: network.bridge }));
    return { protocol: 'tcp', hostAddress: i % 2 ? '0.0.0.0' : '127.0.0.1', hostPort: 8000 + i, targets };
  });
  return { networks: [network], ports };
}
const rules = (policy: FirewallPolicy): NftablesSpec => nftablesRules(policy, STACK);

describe('the native firewall driver', () => {
  it('makes every policy from every other one, and nothing is left to do then', async () => {
    const cases = policyCases();
    for (const { policy, name: title } of cases) {
      const table = rules(policy);
      await bring(table);
      const observed = await observe();
      expect(observed && compareNftables(table, observed), title).toEqual({ kind: 'none' });
    }
  }, 60_000);

  it('adds the elements of one service to those of 200, and no more', async () => {
    await bring(rules(services(200)));
    const table = rules(services(201));
    const observed = await observe();
    const difference = observed && compareNftables(table, observed);
    if (difference?.kind !== 'some') throw new Error(`expected some difference, got ${difference?.kind}`);
    expect(encodeNftChange(difference.change)).toBe(
      `add element inet ${name} ports-loopback4 { 127.0.0.1 . tcp . 8200 : 10.128.200.2 . 80 }\n`,
    );
    expect(await bring(table)).toBe('127.0.0.1 . tcp . 8200 : 10.128.200.2 . 80 not found in ports-loopback4');
    expect(await bring(table)).toBe('none');
  });

  it('gives a port other replicas in place', async () => {
    for (const replicas of [1, 3, 2, 1]) {
      await bring(rules(services(3, replicas)));
      expect(await bring(rules(services(3, replicas))), `${replicas} replicas`).toBe('none');
    }
    expect(host.run(`nft list table inet ${name}`)).not.toContain('numgen');
  });

  const drifts: readonly (readonly [string, string, RegExp])[] = [
    ['the whole ruleset is flushed', 'flush ruleset', /^not found$/],
    ['the rules are flushed', `flush table inet ${name}`, /chain .* has 0 rules instead of/],
    ['a chain is flushed', `flush chain inet ${name} inward`, /^chain inward has 0 rules instead of 4$/],
    ['a rule is put before ours', `insert rule inet ${name} inward accept`, /^chain inward has 5 rules instead of 4$/],
    [
      'a rule takes the place of ours',
      `flush chain inet ${name} output; ${'add rule inet TABLE output accept;'.repeat(2)}`,
      /rules of chain output/,
    ],
    ['an element is deleted', `delete element inet ${name} networks { "ts-front-3f9a1c" }`, /ts-front-3f9a1c not found in networks/],
    ['an element is added', `add element inet ${name} within { "eth0" . "eth1" }`, /eth0 \. eth1 in within is not declared/],
    [
      'a port is led elsewhere',
      `delete element inet ${name} ports-any4 { tcp . 8001 }; add element inet ${name} ports-any4 { tcp . 8001 : 10.9.9.9 . 80 }`,
      /10\.128\.1\.2 \. 80 not found in ports-any4, and 1 more/,
    ],
    ['a chain is added', `add chain inet ${name} other { type filter hook forward priority 5; }`, /^chain other is not declared$/],
    ['a set is added', `add set inet ${name} other { type ifname; }`, /^set other is not declared$/],
    ['a policy is changed', `add chain inet ${name} forward { policy drop; }`, /^chain forward has another hook$/],
  ];
  it.each(drifts)('sees it and puts it right when %s', async (_what, script, cause) => {
    const table = rules(services(2));
    await bring(table);
    nft(`${script.replaceAll('TABLE', name).replaceAll('; ', '\n').replaceAll(';add', '\nadd').replace(/;$/, '')}\n`);
    expect(await bring(table)).toMatch(cause);
    expect(await bring(table)).toBe('none');
  });

  it('makes the whole table when what it would change has gone meanwhile', async () => {
    await bring(rules(services(2)));
    const observed = await observe();
    const table = rules(services(3));
    const difference = observed && compareNftables(table, observed);
    if (difference?.kind !== 'some') throw new Error('expected some difference');
    nft('flush ruleset\n');
    const run = nftablesExecutors({ enter: host.enter });
    await run['nftables.update']({ kind: 'nftables.update', table, change: difference.change }, signal);
    expect(await bring(table)).toBe('none');
  });

  it('leaves nothing when it is deleted, and others’ tables as they were; twice is once', async () => {
    nft('add table inet other\nadd chain inet other forward { type filter hook forward priority 0; policy drop; }\n');
    const before = host.run('nft list ruleset');
    await bring(rules(services(5, 2)));
    const run = nftablesExecutors({ enter: host.enter });
    for (const _ of [1, 2]) await run['nftables.delete']({ kind: 'nftables.delete', name }, signal);
    expect(host.run('nft list ruleset')).toBe(before);
    nft(encodeNftDelete(name), '-c');
  });

  it('tells what could not be done, and why', async () => {
    const table = rules(services(1));
    const bad = { ...table, chains: table.chains.map((chain) => ({ ...chain, rules: [{ text: 'jump nowhere', comment: 'tsstack:0' }] })) };
    await expect(replace(bad)).rejects.toMatchObject({ name: 'TsstackError', code: 'kernel' });
    await expect(replace(bad)).rejects.toThrow(new RegExp(`cannot change table \`${name}\` of the firewall: `));
    expect(await observe()).toBeUndefined();
  });

  it('says what to install when there is no nft', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      await expect(observeNftables(name, { signal })).rejects.toMatchObject({
        code: 'not-found',
        hint: expect.stringContaining('apt-get install nftables'),
      });
    } finally {
      process.env['PATH'] = path;
    }
  });
});
