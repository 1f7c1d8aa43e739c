/** A host whose `iptables` is the legacy one: its tables tell nobody of a change. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { http } from '../support/http.ts';
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

// Its tables and their rules are no matter of the stack.
afterEach(() => {
  for (const table of ['filter', 'nat']) legacy('-t', table, '-F');
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
