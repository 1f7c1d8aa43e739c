import type { ContainerListing } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { formatDuration } from '../format.ts';
import { describeEvent } from '../progress/happenings.ts';
import { checkKnown } from '../targets.ts';
import { withRunningEngine } from '../with-engine.ts';

export const wait = defineCommand({
  name: 'wait',
  summary: 'wait until containers have stopped for good',
  usage: '[SERVICE|CONTAINER…]',
  options: { timeout: { kind: 'duration', short: 't', value: 'SECONDS', summary: 'give up after that time, with exit code 17' } },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `One line a container: its name and its exit code, \`-\` if nobody saw it end. A container that its restart policy starts again has not
stopped for good. Exit code: 0 if all of theirs are; else that of the last that failed (1 if nobody saw it end).`,
  run: (given, words, context) =>
    withRunningEngine(context, async (engine, stack) => {
      const { terminal, interrupts, global } = context;
      const targets = await checkKnown(words, { engine, stack });
      const timeout = given.timeout === undefined ? undefined : AbortSignal.timeout(given.timeout);
      const signal = timeout === undefined ? interrupts.signal : AbortSignal.any([interrupts.signal, timeout]);
      const onEvent = (event: Parameters<typeof describeEvent>[0]) => {
        const line = event.type === 'notice' ? describeEvent(event, terminal.err.color) : undefined;
        if (line !== undefined) terminal.err.write(`${line}\n`);
      };
      const listings = await engine.untilStopped({ targets, signal, onEvent });
      const ended = listings.filter(({ state }) => state === 'stopped');
      terminal.out.write(global.json ? `${JSON.stringify(ended.map(endDocument))}\n` : ended.map(endLine).join(''));
      const interrupted = interrupts.exitCode();
      if (interrupted !== undefined) return interrupted;
      if (ended.length < listings.length && timeout?.aborted) throw timedOut(listings, given.timeout ?? 0);
      return exitCodeOf(ended);
    }),
});

function endLine({ name, exit }: ContainerListing): string {
  return `${name} ${exit?.code ?? '-'}\n`;
}

function endDocument({ name, exit }: ContainerListing) {
  return { name, code: exit?.code ?? null, signal: exit?.signal ?? null, oomKilled: exit?.oomKilled ?? false };
}

/** A failure counts though something else has ended well after it. */
function exitCodeOf(ended: readonly ContainerListing[]): number {
  const failed = ended.filter(({ exit }) => exit?.code !== 0).sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
  const last = failed.at(-1);
  return last === undefined ? 0 : (last.exit?.code ?? 1);
}

function timedOut(listings: readonly ContainerListing[], timeoutMs: number): TsstackError {
  const names = listings.filter(({ state }) => state !== 'stopped').map(({ name }) => `\`${name}\``);
  return new TsstackError(`not everything has stopped after ${formatDuration(timeoutMs)}: ${names.join(', ')}`, { code: 'wait-timed-out' });
}
