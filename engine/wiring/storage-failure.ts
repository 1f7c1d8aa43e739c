import { errnoOf, systemError } from '../kernel/system-error.ts';

const FULL_OR_CLOSED: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT', 'EROFS'];

/** Runs `work`. That a disk is full or read-only is no fault of ours, wherever it comes up: it is told with the place that matters. */
export async function tellStorageFailures<T>(stateDirectory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw FULL_OR_CLOSED.includes(errnoOf(error)) ? systemError(`cannot write in \`${stateDirectory}\``, error) : error;
  }
}
