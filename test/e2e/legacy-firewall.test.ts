/** The legacy iptables, as what `iptables` is on a host or as what others use there. Its tables tell nobody of a change. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { answering, bothProtocols, probe } from '../support/reachability.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { listen } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const legacy = (...argv: readonly string[]) => execFileSync('iptables-legacy', argv, { encoding: 'utf8' });
const own = (table: string) =>
  legacy('-t', table, '-S')
    .split('\n')
    .filter((line) => line.includes('TS-'));
const nft = () => execFileSync('iptables-nft-save', { encoding: 'utf8' });

/** As update-alternatives(1) does it for the whole host. */
function chooseLegacy(p: Project): void {
  const directory = join(p.directory, '..', 'legacy');
  mkdirSync(directory);
  for (const name of ['', '-save', '-restore']) symlinkSync('/usr/sbin/xtables-legacy-multi', join(directory, `iptables${name}`));
  p.env['PATH'] = `${directory}:${process.env['PATH']}`;
}

const others = (program: 'iptables' | 'ip6tables', ...argv: readonly string[]) => execFileSync(`${program}-legacy`, argv);
const forget = () => {
  for (const program of ['iptables', 'ip6tables'] as const) {
    for (const table of ['filter', 'nat']) others(program, '-t', table, '-F');
    others(program, '-P', 'FORWARD', 'ACCEPT');
  }
};

// Its tables and their rules are no matter of the stack.
afterEach(forget);

test('where others use it, and nothing else, it is chosen: for rules, a policy, or IPv6 alone', async () => {
  await withProject(only({ services: { db: idle } }), async (p) => {
    const chosen = async () => /iptables \((\w+)\):/.exec((await p.tsstack(['doctor'])).stdout)?.[1];
    const mark = ['-A', 'OUTPUT', '-m', 'comment', '--comment', 'somebody'];
    const uses = [['iptables', ...mark] as const, ['iptables', '-P', 'FORWARD', 'DROP'] as const, ['ip6tables', ...mark] as const];
    for (const [program, ...argv] of uses) {
      others(program, ...argv);
      expect(await chosen(), `${program} ${argv.join(' ')}`).toBe('legacy');
      forget();
    }
    expect(await chosen()).toBe('nf_tables');
    legacy(...mark);
    execFileSync('iptables-nft', mark);
    expect(await chosen()).toBe('nf_tables');
    execFileSync('iptables-nft', ['-F', 'OUTPUT']);
  });
});

test('where others drop there whatever is routed, containers get out and are reached, and `down` leaves what they said', async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  const there = await outside();
  there.start(answering.command);
  const asks = { networks: { default: { ipv6: true } }, services: { web: { ...answering, ports: ['*:18080:80', '*:18080:53/udp'] } } };
  await withProject(only(asks), async (p) => {
    for (const program of ['iptables', 'ip6tables'] as const) others(program, '-P', 'FORWARD', 'DROP');
    await p.ok(['up', '-d']);
    expect(own('filter')).not.toEqual([]);
    expect(nft()).not.toMatch(/TS-/);
    const [out, published] = [
      [there.address, there.address6].flatMap((address) => bothProtocols(address, { tcp: 80, udp: 53 })),
      [there.hostAddress, there.hostAddress6].flatMap((address) => bothProtocols(address, { tcp: 18080, udp: 18080 })),
    ];
    const all = { holds: (answers: readonly unknown[]) => answers.every(Boolean) };
    await until('the container gets out', () => probe(p, { service: 'web' }, out), all);
    await until('it is reached', () => probe(p, there, published), all);
    await p.ok(['down', '--timeout', '1']);
    expect(own('filter')).toEqual([]);
    expect(legacy('-S', 'FORWARD')).toBe('-P FORWARD DROP\n');
  }).finally(() => there.close());
});

test('rules that somebody flushes there come back within seconds, and those of others are left alone', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['18080:80'] }, db: idle } }), async (p) => {
    chooseLegacy(p);
    await p.ok(['up', '-d']);
    expect(nft()).not.toMatch(/TS-/);
    await until('the page answers', () => http('http://127.0.0.1:18080/'));
    using heard = await listen(p);
    for (const table of ['filter', 'nat']) {
      heard.clear();
      const before = own(table);
      expect(before).not.toEqual([]);
      legacy('-t', table, '-F');
      legacy('-t', table, '-A', 'OUTPUT', '-s', '192.0.2.7', '-j', 'ACCEPT');
      await heard.hears('repaired', ({ resources }) => resources.includes(`firewall:shop/${table}`));
      expect(own(table)).toEqual(before);
      expect(legacy('-t', table, '-S', 'OUTPUT')).toMatch('192.0.2.7');
    }
    expect((await until('the page answers', () => http('http://127.0.0.1:18080/'))).body).toBe('web-1\n');
    expect(heard.of('repair.failed')).toEqual([]);
  });
});
