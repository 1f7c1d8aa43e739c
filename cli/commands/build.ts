import { defineCommand } from '../command.ts';
import { startProgress } from '../progress/start.ts';
import { checkServices } from '../services.ts';
import { withEngine } from '../with-engine.ts';

export const build = defineCommand({
  name: 'build',
  summary: 'build the images of services that are built here',
  usage: '[SERVICE…]',
  options: {
    'no-cache': { kind: 'flag', summary: 'do every step again' },
    pull: { kind: 'flag', summary: 'ask the registries for newer images to build on' },
  },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: '`up` builds what has changed, too. Containers go on with what they have until `up`.',
  run: (given, words, context) =>
    withEngine(context, async (engine, stack) => {
      const { terminal, global, interrupts, env } = context;
      const services = checkServices(words, stack.spec);
      const progress = startProgress(terminal, { verbose: false, env });
      const built: { readonly image: string; readonly digest: string }[] = [];
      await engine
        .build(stack.spec, {
          services,
          noCache: given['no-cache'],
          pull: given.pull,
          signal: interrupts.signal,
          onEvent(event) {
            if (event.type === 'build.done') built.push({ image: event.image, digest: event.digest });
            progress.onEvent(event);
          },
        })
        .finally(() => progress.close());
      if (global.json) terminal.out.write(`${JSON.stringify({ stack: stack.spec.name, images: built })}\n`);
      else if (built.length === 0) terminal.err.write('nothing to build: all images are of what there is now\n');
      return 0;
    }),
});
