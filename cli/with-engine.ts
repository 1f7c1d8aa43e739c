import type { Engine } from '../engine/model/engine.ts';
import { TsstackError } from '../engine/model/errors.ts';
import type { CommandContext, LoadedStack } from './context.ts';

/** Loads the stack file, hands over the stack's engine, and closes it whatever happens. */
export async function withEngine<T>(context: CommandContext, use: (engine: Engine, stack: LoadedStack) => Promise<T>): Promise<T> {
  const stack = await context.loadStack();
  return closing(await context.connect(stack), (engine) => use(engine, stack));
}

/**
 * For what is done to a stack that is there: a stack file that is broken or gone must not keep it alive, or out of reach. What runs from this
 * directory is known without it; then there is no `stack`.
 */
export async function withRunningEngine<T>(
  context: CommandContext,
  use: (engine: Engine, stack: LoadedStack | undefined) => Promise<T>,
): Promise<T> {
  const { engine, stack } = await connectRunning(context);
  return closing(engine, () => use(engine, stack));
}

async function connectRunning(context: CommandContext): Promise<{ engine: Engine; stack: LoadedStack | undefined }> {
  try {
    const stack = await context.loadStack();
    return { engine: await context.connect(stack), stack };
  } catch (error) {
    if (!(error instanceof TsstackError) || !['invalid-stack-file', 'not-found'].includes(error.code)) throw error;
    const engine = await context.connectRemembered();
    if (!engine) throw error;
    const why = error.message.split('\n', 1)[0];
    context.terminal.err.write(`note: ${why}; going on with stack \`${engine.identity.name}\`, which was brought up from here\n`);
    return { engine, stack: undefined };
  }
}

async function closing<T>(engine: Engine, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await use(engine);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}
