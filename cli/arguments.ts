import { parseArgs } from 'node:util';
import { ownValue } from '../dsl/own-value.ts';
import { nearest } from '../dsl/suggest.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { Command } from './command.ts';
import { findCommand } from './find-command.ts';
import { type Given, GLOBAL_OPTIONS, type GlobalOptions, type OptionSpec, type OptionTable } from './options.ts';
import { parseValue } from './values.ts';

export interface Invocation {
  readonly global: GlobalOptions;
  /** Undefined: none was named. */
  readonly command: Command | undefined;
  readonly given: Given<OptionTable>;
  readonly words: readonly string[];
  readonly version: boolean;
}

/**
 * argv (without node and script) → what is to be done. Global options may stand before or after the command's name; after it, a command's own
 * option wins over a global one of the same letter (`logs -f` follows).
 * @throws TsstackError `usage`, with the nearest right name.
 */
export function parseArguments(argv: readonly string[], commands: readonly Command[], now: number): Invocation {
  const head = parseTable(argv, { table: LEADING_OPTIONS, stopAtWord: true, now, owner: undefined });
  const [name, ...rest] = head.words;
  if (name === undefined)
    return { global: globals(head.given), command: undefined, given: {}, words: [], version: head.given['version'] === true };
  const command = findCommand(name, commands);
  const table = withGlobals(command.options);
  const tail = parseTable(rest, { table, stopAtWord: command.wordsPassThrough === true, now, owner: command });
  const given = { ...pick(head.given, GLOBAL_OPTIONS), ...definedOnly(tail.given) };
  const global = globals(given);
  if (!global.help) checkWordCount(command, tail.words);
  return {
    global,
    command,
    given: { ...flagsOff(command.options), ...given } as Given<OptionTable>,
    words: tail.words,
    version: head.given['version'] === true,
  };
}

const LEADING_OPTIONS = {
  ...GLOBAL_OPTIONS,
  version: { kind: 'flag', short: 'v', summary: 'show the version' },
} as const satisfies OptionTable;

interface TableParse {
  readonly table: OptionTable;
  /** Everything from the first word on is words, options or not. */
  readonly stopAtWord: boolean;
  readonly now: number;
  readonly owner: Command | undefined;
}

function parseTable(argv: readonly string[], parse: TableParse): { given: Record<string, unknown>; words: readonly string[] } {
  const { tokens } = parseArgs({ args: [...argv], options: nodeOptions(parse.table), strict: false, allowPositionals: true, tokens: true });
  const given: Record<string, unknown> = {};
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (parse.stopAtWord) return { given, words: [token.value, ...passedThrough(argv.slice(token.index + 1))] };
      words.push(token.value);
    } else if (token.kind === 'option') {
      const spec = ownValue(parse.table, token.name);
      if (spec === undefined) throw unknownOption(token.rawName, parse);
      given[token.name] = tokenValue(spec, token, { given, now: parse.now });
    }
  }
  return { given, words };
}

/** A `--` between the word and what belongs to it is ours: `exec web -- ls -l`. */
function passedThrough(rest: readonly string[]): readonly string[] {
  return rest[0] === '--' ? rest.slice(1) : rest;
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function tokenValue(
  spec: OptionSpec,
  token: OptionToken,
  context: { readonly given: Record<string, unknown>; readonly now: number },
): unknown {
  if (spec.kind === 'flag') {
    if (token.value !== undefined) throw new TsstackError(`option \`${token.rawName}\` takes no value`, { code: 'usage' });
    return true;
  }
  if (token.value === undefined) {
    throw new TsstackError(`option \`${token.rawName}\` needs a value: \`${token.rawName} ${spec.value ?? 'VALUE'}\``, { code: 'usage' });
  }
  if (spec.kind === 'texts') return [...((context.given[token.name] as readonly string[] | undefined) ?? []), token.value];
  return parseValue(spec.kind, token.value, { option: token.rawName, now: context.now });
}

function unknownOption(rawName: string, { table, owner }: TableParse): TsstackError {
  const where = owner === undefined ? '' : ` of \`tsstack ${owner.name}\``;
  const near = rawName.startsWith('--') ? nearest(rawName.slice(2), Object.keys(table)) : undefined;
  const help = owner === undefined ? 'see `tsstack help`' : `see \`tsstack help ${owner.name}\``;
  return new TsstackError(`unknown option \`${rawName}\`${where}`, {
    code: 'usage',
    hint: near === undefined ? help : `did you mean \`--${near}\`?`,
  });
}

function checkWordCount(command: Command, words: readonly string[]): void {
  const usage = `usage: \`${`tsstack ${command.name} ${command.usage}`.trimEnd()}\``;
  if (words.length < command.words.min)
    throw new TsstackError(`\`tsstack ${command.name}\` needs more arguments`, { code: 'usage', hint: usage });
  const extra = words[command.words.max];
  if (extra !== undefined)
    throw new TsstackError(`unexpected argument \`${extra}\` of \`tsstack ${command.name}\``, { code: 'usage', hint: usage });
}

function withGlobals(own: OptionTable): OptionTable {
  const taken = new Set(Object.values(own).map((spec) => spec.short));
  const table: Record<string, OptionSpec> = { ...own };
  for (const [name, spec] of Object.entries<OptionSpec>(GLOBAL_OPTIONS)) {
    if (Object.hasOwn(own, name)) continue;
    const { short, ...rest } = spec;
    table[name] = short === undefined || taken.has(short) ? rest : spec;
  }
  return table;
}

function nodeOptions(table: OptionTable): Record<string, { type: 'boolean' | 'string'; short?: string; multiple: boolean }> {
  return Object.fromEntries(
    Object.entries(table).map(([name, { kind, short }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), ...(short === undefined ? {} : { short }), multiple: true },
    ]),
  );
}

/** Complete by construction: every flag is set, and the rest may be undefined. */
function globals(given: Readonly<Record<string, unknown>>): GlobalOptions {
  return { ...flagsOff(GLOBAL_OPTIONS), ...pick(given, GLOBAL_OPTIONS) } as unknown as GlobalOptions;
}

function flagsOff(table: OptionTable): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([name, { kind }]) => [name, kind === 'flag' ? false : undefined]));
}

function pick(given: Readonly<Record<string, unknown>>, table: OptionTable): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(table, name)));
}

function definedOnly(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
