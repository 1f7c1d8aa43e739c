import { defineCommand } from '../command.ts';
import { control } from '../control.ts';
import { STOP_TIMEOUT } from '../options.ts';

export const stop = defineCommand({
  name: 'stop',
  summary: 'stop containers, which stay stopped until they are started',
  usage: '[SERVICE|CONTAINER…]',
  options: { timeout: STOP_TIMEOUT },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'What they have written stays. `start` and `up` start them again; `down` removes them.',
  run: (given, words, context) =>
    control(context, words, {
      verb: 'stop',
      done: 'stopped',
      act: (engine, options) => engine.stop({ ...options, timeoutMs: given.timeout }),
      changed: (before, after) => before.state === 'running' && after.state !== 'running',
    }),
});
