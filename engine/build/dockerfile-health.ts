/** HEALTHCHECK (Dockerfile reference, "HEALTHCHECK"). */
import { parseDuration } from '../../dsl/units.ts';
import type { ImageHealthcheck } from '../model/facts.ts';
import { wrong } from './dockerfile-errors.ts';
import { type Flags, type KnownFlags, readFlags } from './dockerfile-flags.ts';
import { commandForm, type ReadContext, type ReadInstruction, simple } from './dockerfile-instruction.ts';
import type { Instruction } from './dockerfile-lines.ts';

const FLAGS: KnownFlags = {
  interval: 'value',
  timeout: 'value',
  'start-period': 'value',
  'start-interval': 'value',
  retries: 'value',
};

export function readHealthcheck(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { place } = instruction;
  const flags = readFlags(instruction, FLAGS, context.escapeChar);
  const time = (name: string) => durationOf(name, flags, instruction);
  const healthcheck: ImageHealthcheck = {
    test: readTest(instruction, flags.rest),
    intervalMs: time('interval'),
    timeoutMs: time('timeout'),
    startPeriodMs: time('start-period'),
    startIntervalMs: time('start-interval'),
    retries: retriesOf(flags, instruction),
  };
  return simple(instruction, () => ({ place, do: 'config', change: { healthcheck } }));
}

function readTest(instruction: Instruction, text: string): readonly string[] {
  const { place } = instruction;
  const [, word = '', command = ''] = /^(\S*)\s*([\s\S]*)$/.exec(text) ?? [];
  if (word.toUpperCase() === 'NONE') {
    if (command !== '') throw wrong(place, '`HEALTHCHECK NONE` takes nothing after it');
    return ['NONE'];
  }
  if (word.toUpperCase() !== 'CMD')
    throw wrong(place, `\`HEALTHCHECK\` needs \`NONE\` or \`CMD\`${word === '' ? '' : `, not \`${word}\``}`);
  const form = commandForm(instruction, command);
  if ('exec' in form ? form.exec.length === 0 : form.shell === '') throw wrong(place, '`HEALTHCHECK CMD` needs a command');
  return 'exec' in form ? ['CMD', ...form.exec] : ['CMD-SHELL', form.shell];
}

/** Milliseconds. 0 is the default, as in Docker's config. */
function durationOf(name: string, flags: Flags, { place }: Instruction): number | undefined {
  const text = flags.value(name);
  if (text === undefined) return undefined;
  // Go's units: no days, and its micro sign.
  const milliseconds = /\dd/.test(text) ? undefined : parseDuration(text.replace(/[\u00b5\u03bc]s/g, 'us'));
  if (milliseconds === undefined) throw wrong(place, `\`--${name}=${text}\` is no duration such as \`1m30s\``);
  if (milliseconds === 0 && !/^[0.hmsu\u00b5\u03bc]+$/.test(text)) throw wrong(place, `\`--${name}=${text}\` is less than 1 ms`);
  return milliseconds === 0 ? undefined : milliseconds;
}

function retriesOf(flags: Flags, { place }: Instruction): number | undefined {
  const text = flags.value('retries');
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw wrong(place, `\`--retries=${text}\` is no whole number`);
  return Number(text) === 0 ? undefined : Number(text);
}
