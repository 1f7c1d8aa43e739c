import { defineCommand } from '../command.ts';
import { startProgress } from '../progress/start.ts';
import { checkServices } from '../services.ts';
import { withEngine } from '../with-engine.ts';

export const pull = defineCommand({
  name: 'pull',
  summary: 'fetch the images of the stack from their registries',
  usage: '[SERVICE…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details:
    'Asks for every image whether its tag names something new, whatever its `pullPolicy`. Containers go on with what they have until `up`.',
  run: (_given, words, context) =>
    withEngine(context, async (engine, stack) => {
      const { terminal, global, interrupts, env } = context;
      const services = checkServices(words, stack.spec);
      const progress = startProgress(terminal, { verbose: false, env });
      const pulled: { readonly image: string; readonly digest: string; readonly fetched: number }[] = [];
      await engine
        .pull(stack.spec, {
          services,
          signal: interrupts.signal,
          onEvent(event) {
            if (event.type === 'pull.done') pulled.push({ image: event.image, digest: event.digest, fetched: event.fetched });
            progress.onEvent(event);
          },
        })
        .finally(() => progress.close());
      if (global.json) terminal.out.write(`${JSON.stringify({ stack: stack.spec.name, images: pulled })}\n`);
      else if (pulled.length === 0) terminal.err.write('nothing to pull: no service has an image of a registry\n');
      return 0;
    }),
});
