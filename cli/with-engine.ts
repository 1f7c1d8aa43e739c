import type { Engine } from '../engine/model/engine.ts';
import type { CommandContext, LoadedStack } from './context.ts';

/** Loads the stack file, hands over the stack's engine, and closes it whatever happens. */
export async function withEngine<T>(context: CommandContext, use: (engine: Engine, stack: LoadedStack) => Promise<T>): Promise<T> {
  const stack = await context.loadStack();
  const engine = await context.connect(stack);
  try {
    return await use(engine, stack);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}
