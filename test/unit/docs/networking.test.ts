/** What docs/networking.md shows of the rules is what the code makes of its example: `UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { TableSpec } from '../../../engine/model/resources.ts';
import { lower } from '../../../engine/plan/lower.ts';
import { stackIdentity } from '../../../engine/plan/names.ts';
import { attach, facts, network, port, service, stack } from '../../support/plan-world.ts';

const DOCUMENT = new URL('../../../docs/networking.md', import.meta.url).pathname;
const SHOP = stackIdentity('shop', '/srv/shop', undefined);

function exampleTables(): TableSpec[] {
  const spec = stack(
    {
      web: service({ networks: attach('front', 'back'), ports: [port('127.0.0.1', 8080, 80), port('0.0.0.0', 8443, 443)], replicas: 2 }),
      db: service({ networks: attach('back') }),
    },
    { networks: { front: network(), back: network({ internal: true }) } },
  );
  const { desired, obstacles } = lower(spec, SHOP, facts());
  expect(obstacles).toEqual([]);
  return desired.resources.flatMap((resource) => (resource.kind === 'firewall' ? [resource.spec] : []));
}

function rules(tables: readonly TableSpec[]): string {
  const text = tables.flatMap(({ table, chains }) => [
    `*${table}`,
    ...chains.flatMap(({ name, rules: some }) => some.map((rule) => `-A ${name} ${rule.text}`)),
  ]);
  return ['```', ...text, '```'].join('\n').replaceAll(`TS-${SHOP.hash}-`, 'TS-…-');
}

function chains(tables: readonly TableSpec[]): string {
  const rows = tables.flatMap(({ table, jumps }) =>
    jumps.map(({ builtin, position, match, chain }) => {
      const condition = match === '' ? 'every packet' : `\`${match}\``;
      return `| \`${table}\` | \`${builtin}\` | ${position} | ${condition} | \`${chain.replace(SHOP.hash, '…')}\` |`;
    }),
  );
  return ['| table | from | where | which packets | to |', '|---|---|---|---|---|', ...rows].join('\n');
}

it.each([
  ['iptables-chains', chains],
  ['iptables-rules', rules],
] as const)('docs/networking.md shows %s as they are', (name, render) => {
  const document = readFileSync(DOCUMENT, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
  const from = document.indexOf(begin) + begin.length;
  const to = document.indexOf(end);
  expect([from >= begin.length, to >= from]).toEqual([true, true]);
  const wanted = render(exampleTables());
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(DOCUMENT, document.slice(0, from) + wanted + document.slice(to));
  else expect(document.slice(from, to)).toBe(wanted);
});
