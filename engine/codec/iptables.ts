import type { IptablesTable, TableContent, TableState } from '../model/firewall.ts';
import { appendRule, chainEdits } from './iptables-edits.ts';
import { changeJumps } from './iptables-jumps.ts';

/** What a table must hold of ours after, and what it held before. Desired undefined: nothing of ours is to be left. */
export interface TableChange {
  readonly table: IptablesTable;
  readonly desired: TableContent | undefined;
  readonly observed: TableState | undefined;
}

/**
 * Input of one `iptables-restore --noflush` (of ip6tables-restore, for the tables of IPv6), in iptables-save's format. What is not named
 * stays as it is. Each table is one transaction: it is changed as a whole or not at all (not so two tables together).
 *
 * Order within a table, because a chain can be removed only when empty and without jumps to it: declare what is new or written again
 * (which flushes it, also what must go), delete wrong jumps, edit, fill, jump, remove.
 */
export function encodeRestore(changes: readonly TableChange[]): string {
  return changes.map((change) => `${encodeTable(change).join('\n')}\n`).join('');
}

/** What iptables calls it. */
export function tableName(table: IptablesTable): string {
  return table.replace('6', '');
}

function encodeTable({ table, desired, observed }: TableChange): string[] {
  const chains = desired?.chains ?? [];
  const stale = (observed?.chains ?? []).map((chain) => chain.name).filter((name) => !chains.some((chain) => chain.name === name));
  const parts = chains.map((chain) => {
    const found = observed?.chains.find(({ name }) => name === chain.name);
    return { chain, edits: found && chainEdits(chain, found.marks) };
  });
  const written = parts.flatMap(({ chain, edits }) => (edits === undefined ? [chain] : []));
  const jumps = changeJumps(desired?.jumps ?? [], observed);
  return [
    `*${tableName(table)}`,
    ...[...written.map((chain) => chain.name), ...stale].map((name) => `:${name} - [0:0]`),
    ...jumps.remove,
    ...parts.flatMap(({ edits }) => edits ?? []),
    ...written.flatMap(({ name, rules }) => rules.map((rule) => appendRule(name, rule))),
    ...jumps.add,
    ...stale.map((name) => `-X ${name}`),
    'COMMIT',
  ];
}
