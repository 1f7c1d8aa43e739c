import { defineCommand } from '../command.ts';
import { control, isAnew } from '../control.ts';
import { STOP_TIMEOUT } from '../options.ts';

export const restart = defineCommand({
  name: 'restart',
  summary: 'stop containers and start them again',
  usage: '[SERVICE|CONTAINER…]',
  options: { timeout: STOP_TIMEOUT },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'What they have written stays. Changes of the stack file are for `up`.',
  run: (given, words, context) =>
    control(context, words, {
      verb: 'restart',
      done: 'restarted',
      act: (engine, options) => engine.restart({ ...options, timeoutMs: given.timeout }),
      changed: isAnew,
    }),
});
