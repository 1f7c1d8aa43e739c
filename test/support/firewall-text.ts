import type { TableSpec } from '../../engine/model/resources.ts';

/** Tables as people read them: jumps, then each chain with its rules. Without marks, which say nothing that the rule doesn't. */
export function tablesText(tables: readonly TableSpec[]): string {
  return tables
    .map(({ table, chains, jumps }) =>
      [
        `*${table}`,
        ...jumps.map(({ builtin, position, match, chain }) => `${builtin} ${position} ${match} -j ${chain}`.replace(/ +/g, ' ')),
        ...chains.flatMap(({ name, rules }) => [`:${name}`, ...rules.map(({ text }) => `-A ${name} ${text}`)]),
        '',
      ].join('\n'),
    )
    .join('\n');
}
