/** Option values as people write them. Each throws a usage error that names the option. */
import { TsstackError } from '../engine/model/errors.ts';
import type { OptionKind, OptionValues } from './options.ts';

/** `now`: ms since the epoch. */
export function parseValue(kind: Exclude<OptionKind, 'flag' | 'texts'>, text: string, context: { option: string; now: number }) {
  return PARSERS[kind](text, context);
}

type Context = { readonly option: string; readonly now: number };
const PARSERS: { readonly [K in Exclude<OptionKind, 'flag' | 'texts'>]: (text: string, context: Context) => OptionValues[K] } = {
  text: (text) => text,
  count(text, { option }) {
    if (!/^\d{1,9}$/.test(text)) throw invalid(option, text, 'a whole number');
    return Number(text);
  },
  duration(text, { option }) {
    const ms = parseDuration(text);
    if (ms === undefined) throw invalid(option, text, 'seconds (`10`) or a duration (`1m30s`, `500ms`)');
    return ms;
  },
  moment(text, { option, now }) {
    const ago = parseDuration(text);
    if (ago !== undefined && /[a-z]$/.test(text)) return now - ago;
    const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(ms)) throw invalid(option, text, 'a time (`2026-01-31T12:00:00Z`) or how long ago (`10m`)');
    return ms;
  },
};

/** `10` (seconds), `1.5`, `500ms`, `1m30s`, `2h`, `1d` → ms. Undefined: none of these. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) ms += Number(number) * (UNIT_MS[unit ?? ''] ?? 0);
  return Math.round(ms);
}

function invalid(option: string, text: string, wanted: string): TsstackError {
  return new TsstackError(`invalid value \`${text}\` for \`${option}\`: it must be ${wanted}`, { code: 'usage' });
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RFC_3339 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
