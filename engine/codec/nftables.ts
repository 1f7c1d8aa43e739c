import { append } from '../../dsl/multimap.ts';
import type { NftablesChange, NftablesSpec, NftablesState, NftChain, NftChainState, NftSet, NftType } from '../model/nftables.ts';

/** Input of one `nft -f -`, which is one transaction: the table with all that is in it, whatever was there before. */
export function encodeNftTable({ name, sets, chains }: NftablesSpec): string {
  const lines = [
    // So that there is one to delete: deleting what isn't there fails.
    `add table inet ${name}`,
    `delete table inet ${name}`,
    `add table inet ${name}`,
    // Chains before maps: nft 1.0.6 sends the elements of an interval map with the map itself, wherever they are written.
    ...addChains(name, chains),
    ...sets.map((set) => addSet(name, set)),
    ...fillChains(name, chains),
    ...sets.flatMap((set) => elements('add', { table: name, set, which: set.elements })),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same of what differs. What elements lead to is there before they come, and goes after they have gone. */
export function encodeNftChange({ name, chains, staleChains, sets }: NftablesChange): string {
  const lines = [
    ...addChains(name, chains),
    ...chains.map((chain) => `flush chain inet ${name} ${chain.name}`),
    ...fillChains(name, chains),
    ...sets.flatMap(({ set, remove }) => elements('delete', { table: name, set, which: remove })),
    ...sets.flatMap(({ set, add }) => elements('add', { table: name, set, which: add })),
    // All of them empty first: one may lead to another.
    ...staleChains.map((chain) => `flush chain inet ${name} ${chain}`),
    ...staleChains.map((chain) => `delete chain inet ${name} ${chain}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function encodeNftDelete(name: string): string {
  return `add table inet ${name}\ndelete table inet ${name}\n`;
}

/** Output of `nft -j list table inet NAME` (libnftables-json(5)). Throws SyntaxError or TypeError if it isn't that. */
export function parseNftTable(text: string): NftablesState | undefined {
  const { nftables } = JSON.parse(text) as { readonly nftables: readonly JsonObject[] };
  const table = nftables.find((one) => one.table)?.table;
  if (!table) return undefined;
  const rules = new Map<string, (string | undefined)[]>();
  for (const { rule } of nftables) if (rule) append(rules, rule.chain, rule.comment);
  return {
    name: table.name,
    sets: nftables.flatMap((one) => one.set ?? one.map ?? []).map(parseSet),
    chains: nftables.flatMap(({ chain }) => (chain ? [parseChain(chain, rules.get(chain.name) ?? [])] : [])),
  };
}

function addSet(table: string, { name, key, value, interval }: NftSet): string {
  const data = value === undefined ? '' : ` : ${value === 'verdict' ? value : value.join(' . ')}`;
  const flags = interval ? ' flags interval ;' : '';
  return `add ${value === undefined ? 'set' : 'map'} inet ${table} ${name} { type ${key.join(' . ')}${data} ;${flags} }`;
}

function addChains(table: string, chains: readonly NftChain[]): string[] {
  return chains.map(({ name, base }) => {
    const hook = base ? ` { type ${base.type} hook ${base.hook} priority ${base.priority} ; policy accept ; }` : '';
    return `add chain inet ${table} ${name}${hook}`;
  });
}

function fillChains(table: string, chains: readonly NftChain[]): string[] {
  return chains.flatMap(({ name, rules }) =>
    rules.map(({ text, comment }) => `add rule inet ${table} ${name} ${text} comment "${comment}"`),
  );
}

interface Elements {
  readonly table: string;
  readonly set: NftSet;
  readonly which: readonly string[];
}

function elements(verb: 'add' | 'delete', { table, set, which }: Elements): string[] {
  if (which.length === 0) return [];
  const texts = which.map((element) => {
    const [key = '', value] = element.split(' : ');
    const named = quoteNames(key, set.key);
    return value === undefined || verb === 'delete' ? named : `${named} : ${value}`;
  });
  return [`${verb} element inet ${table} ${set.name} { ${texts.join(', ')} }`];
}

/** An ifname may be any word, also one of nft's own. */
function quoteNames(key: string, types: readonly NftType[]): string {
  const fields = key.split(' . ');
  return types.map((type, i) => (type === 'ifname' ? `"${fields[i]}"` : fields[i])).join(' . ');
}

interface JsonObject {
  readonly table?: { readonly name: string };
  readonly chain?: JsonChain;
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly set?: JsonSet;
  readonly map?: JsonSet;
}
interface JsonChain {
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly prio?: number;
  readonly policy?: string;
}
interface JsonSet {
  readonly name: string;
  readonly type: string | readonly string[];
  /** Of maps: `verdict`, `ipv4_addr . inet_service`. */
  readonly map?: string | readonly string[];
  readonly flags?: readonly string[];
  readonly elem?: readonly JsonElement[];
}
type JsonField = string | number | { readonly prefix: { readonly addr: string; readonly len: number } };
type JsonConcat = JsonField | { readonly concat: readonly JsonField[] };
type JsonVerdict = { readonly [verdict: string]: { readonly target: string } | null };
type JsonElement = JsonConcat | { readonly elem: { readonly val: JsonConcat } } | readonly [JsonConcat, JsonConcat | JsonVerdict];

function parseSet({ name, type, map, flags, elem }: JsonSet): NftSet {
  const types = (text: string | readonly string[]) => (typeof text === 'string' ? text.split(' . ') : text) as readonly NftType[];
  return {
    name,
    key: types(type),
    value: map === undefined || map === 'verdict' ? map : types(map),
    interval: flags?.includes('interval') ?? false,
    elements: (elem ?? []).map(elementText).sort(),
  };
}

function elementText(element: JsonElement): string {
  if (isPair(element)) return `${concatText(element[0])} : ${dataText(element[1])}`;
  return typeof element === 'object' && 'elem' in element ? concatText(element.elem.val) : concatText(element);
}

function isPair(element: JsonElement): element is readonly [JsonConcat, JsonConcat | JsonVerdict] {
  return Array.isArray(element);
}

function concatText(value: JsonConcat): string {
  return typeof value === 'object' && 'concat' in value ? value.concat.map(fieldText).join(' . ') : fieldText(value);
}

function fieldText(field: JsonField): string {
  return typeof field === 'object' ? `${field.prefix.addr}/${field.prefix.len}` : String(field);
}

function dataText(value: JsonConcat | JsonVerdict): string {
  if (typeof value !== 'object' || 'concat' in value || 'prefix' in value) return concatText(value as JsonConcat);
  const [verdict = '', where] = Object.entries(value)[0] ?? [];
  return where ? `${verdict} ${where.target}` : verdict;
}

function parseChain({ name, type, hook, prio, policy }: JsonChain, rules: readonly (string | undefined)[]): NftChainState {
  const base = hook === undefined ? undefined : { type: type ?? '', hook, priority: prio ?? 0, policy: policy ?? 'accept' };
  return { name, base, rules };
}
