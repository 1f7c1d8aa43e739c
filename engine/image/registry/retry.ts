/** Trying again what failed for a moment. */
import { setTimeout } from 'node:timers/promises';
import { formatWait, RegistryFailure } from './failures.ts';

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface Retrying {
  readonly sleep: Sleep;
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onNotice?: ((text: string) => void) | undefined;
  /** Of the transfer so far, bytes: with progress the count of attempts begins anew. */
  readonly progress?: () => number;
}

/** 0.25, 0.5, 1, 2 and 4 s between six attempts. */
const FIRST_WAIT_MS = 250;
const ATTEMPTS = 6;
/** A registry that asks for more than this is told to the user instead. */
const LONGEST_WAIT_MS = 120_000;
/** Fewer bytes are none: a registry that cuts off after each byte must not hold us for ever. */
const PROGRESS_BYTES = 1 << 20;

/** Rejects with the last failure, or at once with one that is not transient. */
export async function retrying<T>(attempt: () => Promise<T>, { sleep, signal, onNotice, progress = () => 0 }: Retrying): Promise<T> {
  let failed = 0;
  let reached = progress();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryFailure) || !error.transient) throw error;
      if (progress() - reached >= PROGRESS_BYTES) failed = 0;
      reached = progress();
      failed += 1;
      const wait = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (failed - 1);
      if (failed >= ATTEMPTS || wait > LONGEST_WAIT_MS) throw error;
      onNotice?.(`${error.message}; trying again in ${formatWait(wait)}`);
      await sleep(wait, signal);
    }
  }
}

/** Rejects with the signal's reason. */
export async function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch((error) => {
    signal.throwIfAborted();
    throw error;
  });
}

/** `Retry-After`: seconds or a date (RFC 9110, 10.2.3). Undefined: it says nothing we understand. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
