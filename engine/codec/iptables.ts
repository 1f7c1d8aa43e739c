import type { IptablesTable, Jump, TableContent, TableState } from '../model/firewall.ts';

/** What a table must hold of ours after, and what it held before. Desired undefined: nothing of ours is to be left. */
export interface TableChange {
  readonly table: IptablesTable;
  readonly desired: TableContent | undefined;
  readonly observed: TableState | undefined;
}

/**
 * Input of one `iptables-restore --noflush`, in iptables-save's format. What is not named stays as it is.
 * Each table is one transaction: it is changed as a whole or not at all (not so two tables together).
 *
 * Order within a table, because a chain can be removed only when empty and without jumps to it:
 * declare (which flushes our chains, also those that must go), delete all our old jumps, fill, jump, remove.
 * Old jumps are deleted and made again even if they look right, so that `first` is first again, and no comparison of rule text is needed.
 */
export function encodeRestore(changes: readonly TableChange[]): string {
  return changes.map((change) => `${encodeTable(change).join('\n')}\n`).join('');
}

/** Table by table, the chains `TS-<stackHash>-…` and the jumps into them. Tables with nothing of ours are left out. */
export function parseSave(text: string, stackHash: string): TableState[] {
  const prefix = chainPrefix(stackHash);
  const states: TableState[] = [];
  for (const section of text.split(/^\*/m).slice(1)) {
    const lines = section.split('\n');
    const table = lines[0]?.trim();
    if (table !== 'filter' && table !== 'nat') continue;
    const state = parseTable(lines.slice(1), { table, prefix, stackHash });
    if (state.chains.length > 0 || state.jumps.length > 0) states.push(state);
  }
  return states;
}

/** Of every chain of a stack. The whole name may have 28 characters (XT_EXTENSION_MAXNAMELEN, linux/netfilter/x_tables.h), so 16 are left. */
export function chainPrefix(stackHash: string): string {
  return `TS-${stackHash}-`;
}

function encodeTable({ table, desired, observed }: TableChange): string[] {
  const chains = desired?.chains ?? [];
  const stale = (observed?.chains ?? []).map((chain) => chain.name).filter((name) => !chains.some((chain) => chain.name === name));
  const jumps = desired?.jumps ?? [];
  return [
    `*${table}`,
    ...[...chains.map((chain) => chain.name), ...stale].map((name) => `:${name} - [0:0]`),
    ...(observed?.jumps ?? []).map((jump) => `-D ${jump.builtin} ${jump.rule}`),
    ...chains.flatMap((chain) => [marker(chain.name, desired?.hash ?? ''), ...chain.rules].map((rule) => `-A ${chain.name} ${rule}`)),
    // Each insertion goes before the one before it.
    ...jumps
      .filter((jump) => jump.position === 'first')
      .map((jump) => `-I ${jumpRule(jump)}`)
      .reverse(),
    ...jumps.filter((jump) => jump.position === 'last').map((jump) => `-A ${jumpRule(jump)}`),
    ...stale.map((name) => `-X ${name}`),
    'COMMIT',
  ];
}

/** A rule that matches everything and has no target: it counts, and changes nothing (iptables(8), "-j"). */
function marker(chain: string, contentHash: string): string {
  return `-m comment --comment "tsstack:${chain.split('-')[1] ?? ''}:${contentHash}"`;
}

function jumpRule(jump: Jump): string {
  return [jump.builtin, jump.match, '-j', jump.chain].filter((part) => part !== '').join(' ');
}

interface Where {
  readonly table: IptablesTable;
  readonly prefix: string;
  readonly stackHash: string;
}

function parseTable(lines: readonly string[], where: Where): TableState {
  const chains = new Map<string, { hash: string | undefined; rules: number }>();
  const jumps: TableState['jumps'][number][] = [];
  for (const line of lines) {
    const declared = /^:(\S+) /.exec(line)?.[1];
    if (declared?.startsWith(where.prefix)) chains.set(declared, { hash: undefined, rules: 0 });
    const [, name, rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (name === undefined || rule === undefined) continue;
    const chain = chains.get(name);
    if (chain !== undefined) countRule(chain, { rule, stackHash: where.stackHash });
    else jumps.push(...jumpInto(where.prefix, { builtin: name, rule }));
  }
  return { table: where.table, chains: [...chains].map(([name, chain]) => ({ name, ...chain })), jumps };
}

function countRule(chain: { hash: string | undefined; rules: number }, of: { readonly rule: string; readonly stackHash: string }): void {
  const [, stack, hash] = /^-m comment --comment "?tsstack:([^:"\s]*):([^:"\s]*)"?$/.exec(of.rule) ?? [];
  if (stack === of.stackHash && chain.hash === undefined) chain.hash = hash;
  else chain.rules++;
}

function jumpInto(prefix: string, from: { readonly builtin: string; readonly rule: string }): TableState['jumps'][number][] {
  const target = /(?:^| )-[jg] (\S+)/.exec(from.rule)?.[1];
  return target?.startsWith(prefix) ? [{ builtin: from.builtin, chain: target, rule: from.rule }] : [];
}
