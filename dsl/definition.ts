/** In the global registry, so that a stack file and the `tsstack` that loads it agree even if each has its own copy of this file. */
export const DEFINITION = Symbol.for('tsstack.definition');

/** What a stack file exports: the input as it was written, marked. */
export interface StackDefinition {
  readonly [DEFINITION]: unknown;
}

export function isStackDefinition(value: unknown): value is StackDefinition {
  return typeof value === 'object' && value !== null && DEFINITION in value;
}
