/** How long to wait after something has failed over and over: doubled each time, up to an end. Pure. */

/** ms before try number `failures` + 1. 0 failures: none. */
export function backoffMs(failures: number, { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number }): number {
  return failures === 0 ? 0 : Math.min(firstMs * 2 ** (failures - 1), maxMs);
}

/** How repair is doing. Plain data: part of what `ps` and `events` tell. */
export interface RepairBackoff {
  /** Repairs in a row that failed. */
  readonly failures: number;
  /** ms from the last of them to the next try; 0: nothing keeps it from trying. */
  readonly retryInMs: number;
}

export const NO_REPAIR_FAILED: RepairBackoff = { failures: 0, retryInMs: 0 };

/** First again after 100 ms, then twice as long each time, up to 30 s. A repair that worked ends it. */
export function afterRepair({ failures }: RepairBackoff, outcome: 'repaired' | 'failed'): RepairBackoff {
  if (outcome === 'repaired') return NO_REPAIR_FAILED;
  return { failures: failures + 1, retryInMs: backoffMs(failures + 1, REPAIR) };
}

const REPAIR = { firstMs: 100, maxMs: 30_000 };
