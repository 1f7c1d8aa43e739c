import type { StackSource } from '../engine/model/engine.ts';
import type { CommandContext, LoadedStack } from './context.ts';

/** With what the supervisor can load the stack file again, for its functions. */
export function sourceOf(stack: LoadedStack, { global, env }: Pick<CommandContext, 'global' | 'env'>): StackSource {
  return { file: stack.file, command: 'up', mode: global.mode, profiles: global.profile ?? [], env };
}
