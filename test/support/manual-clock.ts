import type { Clock } from '../../engine/supervise/health.ts';

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves on, waking each sleeper at its time, and lets what they wake run before the next. */
  advance(ms: number): Promise<void>;
  /** Moves from sleeper to sleeper until the promise has settled. Throws when nobody sleeps and it hasn't. */
  runUntil<T>(promise: Promise<T>): Promise<T>;
  readonly sleepers: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export function manualClock(start = 0): ManualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const next = () => [...sleepers].sort((a, b) => a.at - b.at)[0];
  const wake = async (sleeper: Sleeper) => {
    now = sleeper.at;
    sleepers.delete(sleeper);
    sleeper.wake();
    await settle();
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let sleeper = next(); sleeper !== undefined && sleeper.at <= end; sleeper = next()) await wake(sleeper);
      now = end;
    },
    async runUntil(promise) {
      let settled = false;
      promise.then(
        () => (settled = true),
        () => (settled = true),
      );
      for (await settle(); !settled; ) {
        const sleeper = next();
        if (sleeper === undefined) throw new Error('everybody waits, and nobody for the clock');
        await wake(sleeper);
      }
      return promise;
    },
    get sleepers() {
      return sleepers.size;
    },
  };
}

/** What is ready to run has run: promises settle within a turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
