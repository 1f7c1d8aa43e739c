import type { Engine } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { printLogs } from '../log-printer.ts';
import { declaredContainers } from '../services.ts';
import { checkKnown, isNamed } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const logs = defineCommand({
  name: 'logs',
  summary: 'show what the containers have written',
  usage: '[SERVICE|CONTAINER…]',
  options: {
    follow: { kind: 'flag', short: 'f', summary: 'go on with what they write next' },
    since: { kind: 'moment', value: 'TIME', summary: 'only from then on: `2026-01-31T12:00:00Z`, or how long ago: `10m`' },
    tail: { kind: 'text', short: 'n', value: 'LINES', summary: 'only the last lines of each container, or `all`' },
    timestamps: { kind: 'flag', short: 't', summary: 'show when each line was written' },
    'no-prefix': { kind: 'flag', summary: 'show lines without the name of their container' },
  },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  run: (given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const only = await checkKnown(words, { engine, stack });
      const { signal } = context.interrupts;
      const stream = context.terminal.out;
      const lines = engine.logs({
        signal: AbortSignal.any([signal, stream.closed]),
        follow: given.follow,
        only,
        since: given.since,
        tail: parseTail(given.tail),
      });
      const containers = stack ? declaredContainers(stack.spec, only) : await presentContainers(engine, only);
      const format = { prefix: !given['no-prefix'], timestamps: given.timestamps, json: context.global.json };
      await printLogs(lines, { stream, containers, ...format }, signal);
      return context.interrupts.exitCode() ?? 0;
    }),
});

/** Without a stack file that says which there are to be. */
async function presentContainers(engine: Engine, only: readonly string[] | undefined): Promise<readonly string[]> {
  return (await engine.ps()).filter((listing) => isNamed(listing, only)).map(({ name }) => name);
}

function parseTail(text: string | undefined): number | undefined {
  if (text === undefined || text === 'all') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TsstackError(`invalid value \`${text}\` for \`--tail\`: it must be a number of lines, or \`all\``, { code: 'usage' });
}
