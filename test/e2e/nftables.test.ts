/** A stack whose rules are kept by nftables. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { listen } from '../support/supervised.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const nft = (...argv: readonly string[]) => execFileSync('nft', argv, { encoding: 'utf8' });
const ownTables = () =>
  nft('list', 'tables')
    .split('\n')
    .filter((line) => line.includes('tsstack-'));
const iptablesSave = () => execFileSync('iptables-save', { encoding: 'utf8' });
const forward = (policy: 'ACCEPT' | 'DROP') => execFileSync('iptables', ['-P', 'FORWARD', policy]);
const answers = () => until('the page answers', () => http('http://127.0.0.1:18080/'));
const stack = only({ services: { web: { ...page, ports: ['18080:80'] }, db: idle } });

test('its rules are in a table of its own, come back when somebody flushes them, and change their driver when that is asked for', async () => {
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FIREWALL: 'nftables' } });
    expect(ownTables()).toHaveLength(1);
    expect(iptablesSave()).not.toMatch(/TS-/);
    await answers();
    expect((await p.ok(['plan'])).stdout).toBe('');

    using heard = await listen(p);
    nft('flush', 'ruleset');
    await heard.hears('repaired', ({ resources }) => resources.includes('nftables:shop/inet'));
    await answers();

    await p.ok(['up', '-d'], { env: { TSSTACK_FIREWALL: 'iptables' } });
    expect(ownTables()).toEqual([]);
    expect(iptablesSave()).toMatch(/TS-.*-ISO/);
    await answers();
    expect(heard.of('repair.failed')).toEqual([]);
  });
});

test('what it lets through is let through by others as well, though they have come later', async () => {
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d'], { env: { TSSTACK_FIREWALL: 'nftables' } });
    using heard = await listen(p);
    try {
      forward('DROP');
      await heard.hears('repaired', ({ resources }) => resources.includes('firewall:shop/filter'));
      expect(iptablesSave()).toMatch(/-A FORWARD .*-j TS-\w+-FWD/);
      expect(iptablesSave()).not.toMatch(/\*nat[\s\S]*TS-/);
    } finally {
      forward('ACCEPT');
    }
    await p.ok(['up', '-d']);
    expect(iptablesSave()).not.toMatch(/TS-/);
    expect(ownTables()).toHaveLength(1);
  });
});

test('a driver that there is not is refused, and told what there is', async () => {
  await withProject(stack, async (p) => {
    const { stderr, code } = await p.tsstack(['plan'], { env: { TSSTACK_FIREWALL: 'pf' } });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/`pf`: TSSTACK_FIREWALL is `iptables` or `nftables`/);
  });
});
