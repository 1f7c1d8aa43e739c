import type { Timers } from '../../../../cli/watch/coalesce.ts';

/** Time that stands still until it is moved. */
export interface ManualTimers extends Timers {
  /** Moves on, running what is due at its time, and lets what follows from it happen. */
  advance(ms: number): Promise<void>;
}

export function manualTimers(): ManualTimers {
  let now = 0;
  const waiting = new Set<{ readonly at: number; readonly run: () => void }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run };
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        now = next.at;
        waiting.delete(next);
        next.run();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}
