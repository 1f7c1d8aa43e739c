import { defineCommand } from '../command.ts';
import { control, isAnew } from '../control.ts';

export const start = defineCommand({
  name: 'start',
  summary: 'start containers that were stopped or have ended',
  usage: '[SERVICE|CONTAINER…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: 'As they were made by `up`, which also takes over what has changed in the stack file.',
  run: (_given, words, context) =>
    control(context, words, { verb: 'start', done: 'started', act: (engine, options) => engine.start(options), changed: isAnew }),
});
