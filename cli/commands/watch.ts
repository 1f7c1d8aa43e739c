import { defineCommand } from '../command.ts';
import { checkServices } from '../services.ts';
import { up } from '../watch/reload.ts';
import { runWatch } from '../watch/run-watch.ts';
import { tell } from '../watch/tell.ts';
import { withEngine } from '../with-engine.ts';

export const watch = defineCommand({
  name: 'watch',
  summary: 'bring the stack up, and apply every change of its files until interrupted',
  usage: '[SERVICE…]',
  options: {},
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `Follows the stack file, all that it imports, \`.env\`, env files and bind-mounted files, and what the services' \`develop.watch\` rules name.
An invalid stack file is told and changes nothing. With services named, only they and what they depend on.
Ctrl-C ends the watching; the stack goes on.`,
  async run(_given, words, context) {
    const loadedAt = context.now();
    return withEngine(context, async (engine, stack) => {
      const services = checkServices(words, stack.spec);
      const { signal } = context.interrupts;
      const session = { context, engine, stack, loadedAt, services, signal };
      const result = await up(stack, session);
      tell({ type: 'applied', result, durationMs: result.durationMs }, context);
      await runWatch(session);
      context.terminal.err.write('watching has ended; the stack goes on: `tsstack down` takes it down\n');
      return context.interrupts.exitCode() ?? 0;
    });
  },
});
