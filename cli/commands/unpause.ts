import { defineCommand } from '../command.ts';
import { control } from '../control.ts';

export const unpause = defineCommand({
  name: 'unpause',
  summary: 'let paused containers go on',
  usage: '[SERVICE|CONTAINER…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  run: (_given, words, context) =>
    control(context, words, {
      verb: 'unpause',
      done: 'unpaused',
      act: (engine, options) => engine.unpause(options),
      changed: (before, after) => before.paused && !after.paused,
    }),
});
