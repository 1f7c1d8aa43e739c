import type { EngineEvent } from '../../engine/model/events.ts';
import { defineCommand } from '../command.ts';
import { eventDocument } from '../event-document.ts';
import { describeEvent, describeStep } from '../progress/happenings.ts';
import { paint } from '../style.ts';
import { withRunningEngine } from '../with-engine.ts';

export const events = defineCommand({
  name: 'events',
  summary: 'show what happens to the stack from now on',
  usage: '',
  options: { verbose: { kind: 'flag', summary: 'show every step of every plan too' } },
  words: { min: 0, max: 0 },
  details: `Exits, restarts, health, drift and its repair, with the time in UTC; until the stack is taken down, or Ctrl-C. With --json everything, steps
too: one document a line, with \`type\` and \`at\` (ms since the epoch).`,
  run: (given, _words, context) =>
    withRunningEngine(context, async (engine) => {
      const { interrupts, global } = context;
      const { out } = context.terminal;
      const signal = AbortSignal.any([interrupts.signal, out.closed]);
      for await (const event of engine.events({ signal })) {
        const line = global.json ? JSON.stringify(eventDocument(event)) : eventLine(event, { verbose: given.verbose, color: out.color });
        if (line !== undefined) out.write(`${line}\n`);
      }
      return interrupts.exitCode() ?? 0;
    }),
});

/** `2026-11-22T20:00:00.000Z web-1 is healthy`. Undefined: it is only about a step that went well. */
function eventLine(event: EngineEvent, { verbose, color }: { readonly verbose: boolean; readonly color: boolean }): string | undefined {
  const ofStep = verbose || event.type === 'step.failed';
  const text = describeEvent(event, color) ?? (ofStep ? describeStep(event, color) : undefined);
  return text === undefined ? undefined : `${paint(color, 'dim', new Date(event.at).toISOString())} ${text}`;
}
