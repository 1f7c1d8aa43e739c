/** What a fault does, as people write it. */
import { TsstackError } from '../../engine/model/errors.ts';
import type { FaultEffects } from '../../engine/model/faults.ts';
import { parseDuration } from '../values.ts';

/** `kind`: `partition`, `delay`, `loss` or `rate`. @throws TsstackError `usage` */
export function parseEffects(kind: string, [value]: readonly string[], jitter: string | undefined): Partial<FaultEffects> {
  if (jitter !== undefined && kind !== 'delay') throw usage('`--jitter` goes with `tsstack net delay`');
  if (kind === 'partition') return { partition: true };
  if (value === undefined) throw usage(`\`tsstack net ${kind}\` needs to know how much: ${FORMS[kind]}`);
  if (kind === 'delay') {
    return { delay: { ms: timeOf(value, 'delay'), jitterMs: jitter === undefined ? 0 : timeOf(jitter, 'jitter') } };
  }
  return kind === 'loss' ? { loss: shareOf(value) } : { rate: rateOf(value) };
}

/** With a unit: in tc(8) a bare number is microseconds, elsewhere it is seconds. */
function timeOf(text: string, what: string): number {
  const ms = /[a-z]$/.test(text) ? parseDuration(text) : undefined;
  if (ms === undefined) throw invalid(what, text, `${FORMS['delay']}`);
  return ms;
}

function shareOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (!match) throw invalid('loss', text, `${FORMS['loss']}`);
  return Number(match[1]) / 100;
}

/** Bits a second. Units as in tc(8) (`kbit` is 1000), or bytes with what sizes of files have: `1MiB/s`. */
export function rateOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z/]+)$/i.exec(text) ?? [];
  const factor = BITS[unit.toLowerCase()];
  if (factor === undefined) throw invalid('rate', text, `${FORMS['rate']}`);
  return Math.round(Number(number) * factor);
}

const BITS: Readonly<Record<string, number>> = {
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  'b/s': 8,
  'kb/s': 8e3,
  'mb/s': 8e6,
  'gb/s': 8e9,
  'kib/s': 8 * 2 ** 10,
  'mib/s': 8 * 2 ** 20,
  'gib/s': 8 * 2 ** 30,
};

const FORMS: Readonly<Record<string, string>> = {
  delay: 'a time with its unit (`100ms`, `1.5s`)',
  loss: 'a share in percent (`10%`)',
  rate: 'bits (`500kbit`, `1mbit`) or bytes (`1MiB/s`) a second',
};

function invalid(what: string, text: string, wanted: string): TsstackError {
  return usage(`invalid ${what} \`${text}\`: it must be ${wanted}`);
}

function usage(message: string): TsstackError {
  return new TsstackError(message, { code: 'usage', hint: 'see `tsstack help net`' });
}
