import { defineCommand } from '../command.ts';
import { control, isAnew } from '../control.ts';

export const restart = defineCommand({
  name: 'restart',
  summary: 'stop containers and start them again',
  usage: '[SERVICE|CONTAINER…]',
  options: {
    timeout: {
      kind: 'duration',
      short: 't',
      value: 'SECONDS',
      summary: 'time between the stop signal and SIGKILL (default: that of each service)',
    },
  },
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
