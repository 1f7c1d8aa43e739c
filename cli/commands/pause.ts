import { defineCommand } from '../command.ts';
import { control } from '../control.ts';

export const pause = defineCommand({
  name: 'pause',
  summary: 'stop the processes of containers where they stand',
  usage: '[SERVICE|CONTAINER…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'They keep their memory and their connections, and nothing in them runs until `unpause`. Their health checks rest.',
  run: (_given, words, context) =>
    control(context, words, {
      verb: 'pause',
      done: 'paused',
      act: (engine, options) => engine.pause(options),
      changed: (before, after) => !before.paused && after.paused,
    }),
});
