/** Beside the error rather than in it: it is told as it is, and nobody but watch mode asks. */
const remembered = new WeakMap<Error, readonly string[]>();

/**
 * Of what `loadStackFile` threw: the files that decided it, absolute, as `LoadedStack.dependencies` has them for a load that went well.
 * As long as none of them changes, or comes into being, the next load ends in the same way. Undefined: the error is another's.
 */
export function dependenciesOf(error: unknown): readonly string[] | undefined {
  return error instanceof Error ? remembered.get(error) : undefined;
}

/** Gives the error back, to be thrown. */
export function withDependencies<E>(error: E, files: readonly string[]): E {
  if (error instanceof Error) remembered.set(error, files);
  return error;
}
