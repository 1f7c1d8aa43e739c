import type { Engine } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import type { FaultPair } from '../../engine/model/faults.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext, LoadedStack } from '../context.ts';
import { count, formatDuration } from '../format.ts';
import { startProgress } from '../progress/start.ts';
import { suggestion } from '../suggest.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';
import { parseEffects } from './net-effects.ts';
import { renderFaults } from './net-status.ts';

export const net = defineCommand({
  name: 'net',
  summary: 'make faults between services on purpose, and heal them',
  usage: '[status | partition A B | delay A B TIME | loss A B PERCENT | rate A B SPEED | heal [A B]]',
  options: {
    'one-way': { kind: 'flag', summary: 'only what A sends to B (default: both ways)' },
    jitter: { kind: 'text', value: 'TIME', summary: 'with `delay`: by how much it varies, `20ms`' },
  },
  words: { min: 0, max: 4 },
  details: `A and B are services (\`api\`, all of its containers, and those that are still to come) or containers (\`api-1\`); \`api api\` means its containers among
each other. Faults of several kinds add up; of one kind the last word counts. They last until \`heal\` or \`down\`.

TIME: \`100ms\`, \`1.5s\`. PERCENT: \`10%\`. SPEED: \`500kbit\`, \`1mbit\` (bits a second), \`1MiB/s\`; for each pair of containers.`,
  async run(given, [word = 'status', ...words], context) {
    const { json } = context.global;
    const options = given['one-way'] || given.jitter !== undefined;
    if (word === 'status' || word === 'heal') {
      if (options) throw usage(`\`tsstack net ${word}\` takes neither \`--one-way\` nor \`--jitter\``);
    } else if (!KINDS.includes(word)) {
      throw usage(`unknown word \`${word}\` of \`tsstack net\``, suggestion(word, [...KINDS, 'heal', 'status']));
    }
    if (word === 'status') {
      if (words.length > 0) throw usage(`unexpected argument \`${words[0]}\` of \`tsstack net status\``);
      return withRunningEngine(context, (engine) => show(engine, context));
    }
    const pair = pairOf(word, words);
    if (word === 'heal') return withRunningEngine(context, (engine, stack) => heal({ engine, stack, context }, pair));
    if (!pair) throw usage(`\`tsstack net ${word}\` needs two services or containers`, 'for instance: `tsstack net partition api db`');
    const effects = parseEffects(word, words.slice(2), given.jitter);
    return withRunningEngine(context, async (engine, stack) => {
      const [from = '', to = ''] = (await checkKnown([pair.from, pair.to], { engine, stack })) ?? [];
      const change = { from, to, oneWay: given['one-way'], effects };
      await timed(context, `${word}: ${from} ${given['one-way'] ? '→' : '↔'} ${to}`, (callOptions) => engine.setFault(change, callOptions));
      if (json) context.terminal.out.write(`${JSON.stringify(await engine.faults())}\n`);
      return 0;
    });
  },
});

const KINDS: readonly string[] = ['partition', 'delay', 'loss', 'rate'];

async function show(engine: Engine, { terminal, global }: CommandContext): Promise<number> {
  const faults = await engine.faults();
  if (global.json) terminal.out.write(`${JSON.stringify(faults)}\n`);
  else if (faults.length > 0) terminal.out.write(renderFaults(faults));
  else terminal.err.write('there are no faults\n');
  return 0;
}

interface Healing {
  readonly engine: Engine;
  readonly stack: LoadedStack | undefined;
  readonly context: CommandContext;
}

async function heal({ engine, stack, context }: Healing, pair: FaultPair): Promise<number> {
  const before = await engine.faults();
  if (pair === undefined && before.length === 0) {
    if (context.global.json) context.terminal.out.write('[]\n');
    context.terminal.err.write('nothing to heal\n');
    return 0;
  }
  const [from = '', to = ''] = pair ? ((await checkKnown([pair.from, pair.to], { engine, stack })) ?? []) : [];
  const whom = pair ? `${from} ↔ ${to}` : count(before.length, 'fault');
  await timed(context, `heal: ${whom}`, (options) => engine.heal(pair && { from, to }, options));
  if (context.global.json) context.terminal.out.write(`${JSON.stringify(await engine.faults())}\n`);
  return 0;
}

async function timed(context: CommandContext, what: string, act: (options: Parameters<Engine['heal']>[1]) => Promise<void>): Promise<void> {
  const { terminal, interrupts, env, now } = context;
  const startedAt = now();
  const progress = startProgress(terminal, { verbose: false, env });
  await act({ signal: interrupts.signal, onEvent: progress.onEvent }).finally(() => progress.close());
  terminal.err.write(`${what} in ${formatDuration(now() - startedAt)}\n`);
}

function pairOf(word: string, [from, to, ...rest]: readonly string[]): FaultPair {
  if (from === undefined) return undefined;
  const most = word === 'heal' || word === 'partition' ? 0 : 1;
  const extra = rest[most];
  if (extra !== undefined) throw usage(`unexpected argument \`${extra}\` of \`tsstack net ${word}\``);
  if (to === undefined) throw usage(`\`tsstack net ${word}\` needs two services or containers, and \`${from}\` is one`);
  return { from, to };
}

function usage(message: string, hint = 'see `tsstack help net`'): TsstackError {
  return new TsstackError(message, { code: 'usage', hint });
}
