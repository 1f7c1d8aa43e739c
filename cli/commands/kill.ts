import { constants } from 'node:os';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import { control } from '../control.ts';
import { suggestion } from '../suggest.ts';

export const kill = defineCommand({
  name: 'kill',
  summary: 'send a signal to containers',
  usage: '[SERVICE|CONTAINER…]',
  options: { signal: { kind: 'text', short: 's', value: 'SIGNAL', summary: 'its name or number (default: SIGKILL)' } },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'What ends by SIGKILL stays stopped until it is started; what another signal ends is restarted by its restart policy.',
  async run(given, words, context) {
    const signalName = parseSignal(given.signal ?? 'SIGKILL');
    return control(context, words, {
      verb: 'kill',
      done: `got ${signalName}`,
      act: (engine, options) => engine.kill({ ...options, signalName }),
      // What comes of it, if anything, may come later.
      changed: ({ state }) => state === 'running',
    });
  },
});

/** `SIGTERM`, `TERM`, `term`, `15` → `SIGTERM`. */
function parseSignal(text: string): string {
  const names = Object.keys(constants.signals);
  const upper = text.toUpperCase();
  const byNumber = Object.entries(constants.signals).find(([, number]) => String(number) === text)?.[0];
  const name = byNumber ?? [upper, `SIG${upper}`].find((candidate) => names.includes(candidate));
  if (name !== undefined) return name;
  throw new TsstackError(`invalid value \`${text}\` for \`--signal\`: it must be the name or number of a signal`, {
    code: 'usage',
    hint: suggestion(upper.startsWith('SIG') ? upper : `SIG${upper}`, names),
  });
}
