import type { CheckedStack, StackInOutline } from './checked.ts';
import { DEFINITION, isStackDefinition, type StackDefinition } from './definition.ts';
import type { StackContext, StackInput } from './input.ts';
import type { RootfsInput } from './input-image.ts';

/**
 * Declares a stack. Export the result as the default of `stack.config.ts`. Nothing is checked at run time here: `tsstack` reports
 * all that is wrong with a stack at once.
 *
 * A wrong name is a compile-time error at its key. In the function form the compiler can only point at the function and tell the
 * key in its message; return `defineStack({ … })` from the function and it points at the key there, too.
 */
export function defineStack<
  const S extends string,
  const N extends string = never,
  const V extends string = never,
  const R extends StackInOutline = StackInOutline,
>(stack: StackInput<S, N, V> | ((context: StackContext) => (R & CheckedStack<R>) | Promise<R & CheckedStack<R>>)): StackDefinition {
  return { [DEFINITION]: stack };
}

/** The host's userland as a read-only root: `/usr`, `/bin`, `/lib*`, the harmless part of `/etc`, and the running Node. */
export function hostRootfs(): RootfsInput {
  return { kind: 'hostRootfs' };
}

/** A directory as root, shared read-only by all that use it. Relative to the stack file. */
export function rootfs(path: string): RootfsInput {
  return { kind: 'rootfs', path };
}

/** Calls the function form; a definition that it returns is taken apart likewise. */
export async function evaluateStack(definition: StackDefinition, context: StackContext): Promise<unknown> {
  const stack = definition[DEFINITION];
  const input: unknown = typeof stack === 'function' ? await stack(context) : stack;
  return isStackDefinition(input) ? evaluateStack(input, context) : input;
}
