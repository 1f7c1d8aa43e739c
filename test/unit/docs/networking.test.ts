/** What docs/networking.md shows of rules and reachability is what the code makes of its example, and what is tried: `UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { encodeNftTable } from '../../../engine/codec/nftables.ts';
import type { FirewallDriver } from '../../../engine/model/facts.ts';
import type { DesiredResource, TableSpec } from '../../../engine/model/resources.ts';
import { lower } from '../../../engine/plan/lower.ts';
import { stackIdentity } from '../../../engine/plan/names.ts';
import { attach, facts, network, port, service, stack } from '../../support/plan-world.ts';
import { type Places, SOURCE_TITLES, SOURCES, type Source, TARGETS, type Target } from '../../support/reachability-table.ts';

const DOCUMENT = new URL('../../../docs/networking.md', import.meta.url).pathname;
const SHOP = stackIdentity('shop', '/srv/shop', undefined);

it.each([
  ['reachability', reachability],
  ['iptables-chains', chains],
  ['iptables-rules', rules],
  ['nftables-rules', nftables],
] as const)('docs/networking.md shows %s as they are', (name, render) => {
  const document = readFileSync(DOCUMENT, 'utf8');
  const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
  const from = document.indexOf(begin) + begin.length;
  const to = document.indexOf(end);
  expect([from >= begin.length, to >= from]).toEqual([true, true]);
  const wanted = render();
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(DOCUMENT, document.slice(0, from) + wanted + document.slice(to));
  else expect(document.slice(from, to)).toBe(wanted);
});

function reachability(): string {
  const rows = TARGETS.map((target) => [target.title, ...SOURCES.map((source) => reached(target, source))]);
  const header = ['to', ...SOURCES.map((source) => SOURCE_TITLES[source])];
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The table of the test names addresses by where they are found: here, by whose they are. */
const WHOSE: Places = {
  family: 4,
  host: 'its own',
  lan: 'its own',
  of: () => 'its own',
  gateway: () => "the gateway's",
};

function reached({ reachedBy, seenAs }: Target, source: Source): string {
  if (!reachedBy.includes(source)) return '–';
  const address = seenAs?.[source]?.(WHOSE);
  return address === undefined ? 'yes' : `yes (${address})`;
}

function exampleResources(driver: FirewallDriver): readonly DesiredResource[] {
  const spec = stack(
    {
      web: service({ networks: attach('front', 'back'), ports: [port('127.0.0.1', 8080, 80), port('0.0.0.0', 8443, 443)], replicas: 2 }),
      db: service({ networks: attach('back') }),
    },
    { networks: { front: network(), back: network({ internal: true }) } },
  );
  const { desired, obstacles } = lower(spec, SHOP, facts({ firewall: { driver, refusedByFirewalld: false } }));
  expect(obstacles).toEqual([]);
  return desired.resources;
}

function exampleTables(): TableSpec[] {
  return exampleResources('iptables').flatMap((resource) => (resource.kind === 'firewall' ? [resource.spec] : []));
}

function rules(): string {
  const text = exampleTables().flatMap(({ table, chains: some }) => [
    `*${table}`,
    ...some.flatMap(({ name, rules: ofChain }) => ofChain.map((rule) => `-A ${name} ${rule.text}`)),
  ]);
  return ['```', ...text, '```'].join('\n').replaceAll(`TS-${SHOP.hash}-`, 'TS-…-');
}

function chains(): string {
  const rows = exampleTables().flatMap(({ table, jumps }) =>
    jumps.map(({ builtin, position, match, chain }) => {
      const condition = match === '' ? 'every packet' : `\`${match}\``;
      return `| \`${table}\` | \`${builtin}\` | ${position} | ${condition} | \`${chain.replace(SHOP.hash, '…')}\` |`;
    }),
  );
  return ['| table | from | where | which packets | to |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** What `nft -f -` is given, but for the words that are the same in each line, and the comments. */
function nftables(): string {
  const text = exampleResources('nftables').flatMap((resource) => (resource.kind === 'nftables' ? [encodeNftTable(resource.spec)] : []));
  const lines = text
    .join('')
    .replaceAll(` inet tsstack-${SHOP.hash}`, '')
    .replace(/ comment "tsstack:[0-9a-f]{12}"/g, '')
    .split('\n')
    .filter((line) => /^add (?!table)/.test(line));
  return ['```', ...lines, '```'].join('\n');
}
