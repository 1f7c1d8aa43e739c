/** Help, written from the tables that are parsed from: it cannot say anything else than what is so. */
import type { Command } from './command.ts';
import { alignColumns } from './format.ts';
import { GLOBAL_OPTIONS, type OptionSpec, type OptionTable } from './options.ts';

export function renderHelp(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`  ${name}`, summary]);
  return `tsstack runs a stack of containers described in a typed file, stack.config.ts.

Usage: tsstack [OPTION…] COMMAND [ARGUMENT…]

Commands:
${alignColumns(rows)}
Options of every command:
${renderOptions({ ...GLOBAL_OPTIONS, version: { kind: 'flag', short: 'v', summary: 'show the version' } })}
\`tsstack help COMMAND\` tells more about one of them.

Exit codes: 0 done; 1 failed; 2 wrong usage or invalid stack file; 10 \`plan\` has changes; 17 waiting timed out; 18 a service failed;
130 cancelled; \`exec\`: the command's own, or 125, 126, 127, 128 + n; \`wait\`: that of what ended.
`;
}

export function renderCommandHelp(command: Command): string {
  const { name, usage, summary, details, options } = command;
  const own = Object.keys(options).length === 0 ? '' : `\nOptions:\n${renderOptions(options)}`;
  return `${summary[0]?.toUpperCase()}${summary.slice(1)}.

Usage: ${['tsstack', name, '[OPTION…]', usage].filter((part) => part !== '').join(' ')}
${details === undefined ? '' : `\n${details}\n`}${own}
Options of every command:
${renderOptions(globalsBeside(options))}`;
}

/** A letter that the command uses for itself means that. */
function globalsBeside(own: OptionTable): OptionTable {
  const taken = new Set(Object.values(own).map(({ short }) => short));
  const globals = Object.entries<OptionSpec>(GLOBAL_OPTIONS).map(([name, spec]) => {
    const { short, ...rest } = spec;
    return [name, short === undefined || taken.has(short) ? rest : spec] as const;
  });
  return Object.fromEntries(globals);
}

function renderOptions(options: OptionTable): string {
  const rows = Object.entries(options).map(([name, { short, value, summary }]) => [
    `  ${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    summary,
  ]);
  return alignColumns(rows);
}
