import { TsstackError } from '../engine/model/errors.ts';

/** Whether it says no more than that somebody wanted it to end: what `signal.throwIfAborted()` and Node's own waits throw. */
export function isCancellation(error: unknown): boolean {
  return (error instanceof TsstackError && error.code === 'cancelled') || (error instanceof Error && error.name === 'AbortError');
}
