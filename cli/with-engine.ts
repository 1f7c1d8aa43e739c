import type { Engine } from '../engine/model/engine.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { CommandContext, LoadedStack } from './context.ts';

/** Loads the stack file, hands over the stack's engine, and closes it whatever happens. */
export async function withEngine<T>(context: CommandContext, use: (engine: Engine, stack: LoadedStack) => Promise<T>): Promise<T> {
  const stack = await context.loadStack();
  return closing(await context.connect(stack), (engine) => use(engine, stack));
}

/** For `down`: a stack file that is broken or gone must not keep its stack alive. What runs from this directory is known without it. */
export async function withRunningEngine<T>(context: CommandContext, use: (engine: Engine) => Promise<T>): Promise<T> {
  return closing(await connectRunning(context), use);
}

async function connectRunning(context: CommandContext): Promise<Engine> {
  try {
    return await context.connect(await context.loadStack());
  } catch (error) {
    if (!(error instanceof TsstackError) || !['invalid-stack-file', 'not-found'].includes(error.code)) throw error;
    const engine = await context.connectRemembered();
    if (!engine) throw error;
    const why = error.message.split('\n', 1)[0];
    context.terminal.err.write(`note: ${why}; going on with stack \`${engine.identity.name}\`, which was brought up from here\n`);
    return engine;
  }
}

async function closing<T>(engine: Engine, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await use(engine);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}
