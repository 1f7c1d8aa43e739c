import { append } from '../../dsl/multimap.ts';
import { ownValue } from '../../dsl/own-value.ts';
import { nearest } from '../../dsl/suggest.ts';
import { didYouMean, wrong } from './dockerfile-errors.ts';
import type { Instruction } from './dockerfile-lines.ts';

/** `switch`: `--link`, `--link=false`. `list`: may be given more than once. A text: why it is not supported. */
export type KnownFlags = Readonly<Record<string, 'value' | 'switch' | 'list' | { readonly refused: string }>>;

export interface Flags {
  /** What follows them. */
  readonly rest: string;
  readonly value: (name: string) => string | undefined;
  readonly list: (name: string) => readonly string[];
  /** Undefined: not given. */
  readonly switch: (name: string) => boolean | undefined;
}

/** The `--name=value` words that an instruction begins with. */
export function readFlags(instruction: Instruction, known: KnownFlags, escapeChar: string): Flags {
  const { place } = instruction;
  let { rest } = instruction;
  const given = new Map<string, string[]>();
  while (rest.startsWith('--')) {
    const { word, end } = readWord(rest, escapeChar);
    rest = rest.slice(end).trimStart();
    if (word === '--') break;
    const [, name = '', value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
    checkFlag({ name, value }, instruction, known);
    if (given.has(name) && known[name] !== 'list') throw wrong(place, `\`--${name}\` is given twice`);
    append(given, name, value ?? 'true');
  }
  const value = (name: string) => given.get(name)?.[0];
  const asSwitch = (name: string): boolean | undefined => {
    const text = value(name)?.toLowerCase();
    if (text !== undefined && text !== 'true' && text !== 'false') throw wrong(place, `\`--${name}\` is \`true\` or \`false\``);
    return text === undefined ? undefined : text === 'true';
  };
  return { rest, value, list: (name) => given.get(name) ?? [], switch: asSwitch };
}

function checkFlag({ name, value }: { name: string; value: string | undefined }, instruction: Instruction, known: KnownFlags): void {
  const { keyword, place } = instruction;
  const flag = ownValue(known, name);
  if (flag === undefined) {
    const meant = nearest(name, Object.keys(known));
    throw wrong(place, `\`--${name}\` is no flag of \`${keyword}\``, didYouMean(meant === undefined ? undefined : `--${meant}`));
  }
  if (typeof flag === 'object') throw wrong(place, `\`--${name}\` is not supported: ${flag.refused}`);
  if (flag !== 'switch' && (value === undefined || value === '')) throw wrong(place, `\`--${name}\` needs a value: \`--${name}=…\``);
}

/** Quotes and escapes are taken away. */
function readWord(text: string, escapeChar: string): { readonly word: string; readonly end: number } {
  let word = '';
  let quote = '';
  let at = 0;
  for (; at < text.length; at++) {
    const char = text.charAt(at);
    if (quote === '' && /\s/.test(char)) break;
    if (char === escapeChar && quote !== "'" && at + 1 < text.length) word += text.charAt(++at);
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = '';
    else word += char;
  }
  return { word, end: at };
}
