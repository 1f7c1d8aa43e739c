import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firewallExecutors, observeFirewall } from '../../engine/kernel/firewall.ts';
import { iptablesVersion } from '../../engine/kernel/iptables-programs.ts';
import type { Chain, Jump } from '../../engine/model/firewall.ts';
import type { TableSpec } from '../../engine/model/resources.ts';
import { chainOf, jumpOf, markFor } from '../support/firewall.ts';
import { PrivateNetns } from './private-netns.ts';

const signal = new AbortController().signal;
const hash = '3f9a1c2e';
let host: PrivateNetns;
beforeEach(() => {
  host = new PrivateNetns('host');
});
afterEach(() => host[Symbol.dispose]());

const chain = (name: string, rules: readonly string[] = ['-j ACCEPT']): Chain => chainOf(`TS-${hash}-${name}`, ...rules);
const jump = (builtin: Jump['builtin'], name: string, match = ''): Jump => jumpOf({ builtin, match, chain: `TS-${hash}-${name}` });
const filter = (over: Partial<TableSpec> = {}): TableSpec => ({
  table: 'filter',
  chains: [chain('FWD')],
  jumps: [jump('FORWARD', 'FWD')],
  ...over,
});
const nat: TableSpec = {
  table: 'nat',
  chains: [chain('DNAT', ['-p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80'])],
  jumps: [jump('OUTPUT', 'DNAT', '-m addrtype --dst-type LOCAL')],
};
const observe = (of = hash): ReturnType<typeof observeFirewall> => observeFirewall(of, { enter: host.enter, signal });
async function replace(...tables: readonly TableSpec[]): Promise<PromiseSettledResult<void>[]> {
  const run = firewallExecutors({ enter: host.enter });
  const states = await observe();
  return Promise.allSettled(
    tables.map((table) =>
      run['firewall.replace']({ kind: 'firewall.replace', table, observed: states.find((state) => state.table === table.table) }, signal),
    ),
  );
}
const fulfilled = { status: 'fulfilled', value: undefined };

describe('the firewall driver', () => {
  it('fills both tables, and finds its marks there', async () => {
    expect(await replace(filter(), nat)).toEqual([fulfilled, fulfilled]);
    // The legacy variant lists them in the order in which they came.
    const states = (await observe()).sort((a, b) => (a.table < b.table ? -1 : 1));
    expect(states.map((state) => [state.table, state.chains, state.jumps.map((one) => one.builtin)])).toEqual([
      ['filter', [{ name: 'TS-3f9a1c2e-FWD', marks: [markFor('-j ACCEPT')] }], ['FORWARD']],
      ['nat', [{ name: 'TS-3f9a1c2e-DNAT', marks: nat.chains[0]?.rules.map(({ mark }) => mark) }], ['OUTPUT']],
    ]);
  });

  it('replaces without leaving anything of before, and twice is once', async () => {
    await replace(filter({ chains: [chain('FWD'), chain('OLD', [])], jumps: [jump('FORWARD', 'OLD'), jump('FORWARD', 'FWD')] }));
    const next = filter({ chains: [chain('FWD', ['-j DROP'])] });
    await replace(next);
    expect(await replace(next)).toEqual([fulfilled]);
    const rules = host
      .run('iptables-save -t filter')
      .split('\n')
      .filter((line) => line.includes('TS-'));
    expect(rules).toEqual([
      ':TS-3f9a1c2e-FWD - [0:0]',
      `-A FORWARD -m comment --comment "tsstack:${markFor(' TS-3f9a1c2e-FWD')}" -j TS-3f9a1c2e-FWD`,
      `-A TS-3f9a1c2e-FWD -m comment --comment "tsstack:${markFor('-j DROP')}" -j DROP`,
    ]);
  });

  it('deletes what is its own and leaves the rest as it was', async () => {
    host.run('iptables -A FORWARD -s 10.1.2.3 -j DROP');
    host.run('iptables -N OTHER');
    const before = host.run('iptables -S');
    await replace(filter(), nat);
    const run = firewallExecutors({ enter: host.enter });
    await Promise.all((await observe()).map((observed) => run['firewall.delete']({ kind: 'firewall.delete', observed }, signal)));
    expect((await observe()).flatMap(({ chains, jumps }) => [...chains, ...jumps])).toEqual([]);
    expect(host.run('iptables -S')).toBe(before);
    expect(host.run('iptables-save -t nat')).not.toContain('TS-');
  });

  it('tells which table failed, why, and changes nothing of it', async () => {
    const bad: TableSpec = { ...nat, chains: [chain('DNAT', ['-m nosuchmatch -j ACCEPT'])] };
    const [first, second] = await replace(filter(), bad);
    expect(first).toEqual(fulfilled);
    expect(second).toMatchObject({ status: 'rejected', reason: { name: 'TsstackError', code: 'kernel' } });
    expect(String(second?.status === 'rejected' && second.reason)).toMatch(/cannot change table `nat`.*nosuchmatch/);
    expect((await observe()).flatMap(({ table, chains }) => (chains.length > 0 ? [table] : []))).toEqual(['filter']);
  });

  it('survives two stacks that change the same table at once', async () => {
    const tables = [
      filter(),
      filter({
        chains: [chainOf('TS-00000000-FWD', '-j RETURN')],
        jumps: [jumpOf({ builtin: 'FORWARD', chain: 'TS-00000000-FWD' })],
      }),
    ];
    for (let round = 0; round < 50; round++) {
      const settled = await Promise.allSettled(
        tables.map(async (table, index) => {
          const run = firewallExecutors({ enter: host.enter });
          const observed = (await observe(index === 0 ? hash : '00000000')).find((state) => state.table === table.table);
          await run['firewall.replace']({ kind: 'firewall.replace', table, observed }, signal);
        }),
      );
      expect(settled).toEqual([fulfilled, fulfilled]);
    }
    const targets = host.run('iptables -S FORWARD').matchAll(/ -j (\S+)/g);
    expect([...targets].map(([, target]) => target).sort()).toEqual(['TS-00000000-FWD', 'TS-3f9a1c2e-FWD']);
  }, 60_000);

  it('says what to install when iptables is missing', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      await expect(observeFirewall(hash, { signal })).rejects.toMatchObject({
        code: 'not-found',
        hint: expect.stringContaining('apt-get install iptables'),
      });
      expect(await iptablesVersion(signal)).toBeUndefined();
    } finally {
      process.env['PATH'] = path;
    }
  });
});

/** Every match and target that the plan's rules may be made of. */
const PARTS = [
  '-p tcp --dport 80 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-m conntrack --ctstate DNAT -j ACCEPT',
  '-m addrtype --dst-type LOCAL -j ACCEPT',
  '-i br0 ! -o br0 -j DROP',
  '-p udp -m udp --dport 53 -j RETURN',
  '-m statistic --mode nth --every 2 --packet 0 -j ACCEPT',
  '-m mark --mark 0x1/0x1 -j ACCEPT',
  '-j REJECT --reject-with icmp-port-unreachable',
];
const NAT_PARTS = [
  '-s 10.0.0.0/24 ! -o br0 -j MASQUERADE',
  '-p tcp -d 127.0.0.1 --dport 80 -m statistic --mode nth --every 2 --packet 0 -j DNAT --to-destination 10.0.0.2:80',
  '-p udp ! -i br0 --dport 53 -j DNAT --to-destination 10.0.0.2:53',
];

describe('iptables on this kernel', () => {
  it.each(PARTS)('knows %s', async (rule) => {
    expect(await replace(filter({ chains: [chain('FWD', [rule])] }))).toEqual([fulfilled]);
  });

  it.each(NAT_PARTS)('knows %s', async (rule) => {
    const builtin = rule.includes('MASQUERADE') ? 'POSTROUTING' : 'PREROUTING';
    expect(await replace({ ...nat, chains: [chain('DNAT', [rule])], jumps: [jump(builtin, 'DNAT')] })).toEqual([fulfilled]);
  });

  it('publishes a port on 127.0.0.1 with DNAT, route_localnet and masquerade', async () => {
    using container = new PrivateNetns('container');
    host.run('ip link add br0 type bridge');
    host.run('ip address add 10.77.0.1/24 dev br0');
    host.run(`ip link add veth0 type veth peer name eth0 netns ${container.name}`);
    host.run('ip link set veth0 master br0 up');
    host.run('ip link set br0 up');
    container.run('ip address add 10.77.0.2/24 dev eth0');
    container.run('ip link set eth0 up');
    container.run('ip route add default via 10.77.0.1');
    host.run('sysctl -q -w net.ipv4.conf.br0.route_localnet=1');
    const server = `require('net').createServer((s) => s.end('from ' + s.remoteAddress)).listen(80, '0.0.0.0', () => console.log('ready'))`;
    const child = spawn('nsenter', [...container.enter.slice(1), process.execPath, '-e', server], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      const table: TableSpec = {
        table: 'nat',
        chains: [
          chain('DNAT', ['-p tcp -d 127.0.0.1 --dport 8080 -j DNAT --to-destination 10.77.0.2:80']),
          chain('POST', ['-s 127.0.0.0/8 -o br0 -j MASQUERADE']),
        ],
        jumps: [jump('OUTPUT', 'DNAT', '-m addrtype --dst-type LOCAL'), jump('POSTROUTING', 'POST')],
      };
      expect(await replace(table)).toEqual([fulfilled]);
      expect(host.run('busybox nc -w 5 127.0.0.1 8080')).toBe('from 10.77.0.1');
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
});
