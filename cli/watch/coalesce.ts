/** Time, so that a test can hold it. */
export interface Timers {
  /** Calls `run` once, `ms` from now. Returns how to take that back. */
  after(ms: number, run: () => void): () => void;
  /** ms, never going back. */
  now(): number;
}

export interface Coalescer extends AsyncDisposable {
  /** Something has happened that is to be worked on. */
  poke(): void;
}

/**
 * Makes one piece of work of happenings that come together: it begins when nothing has happened for `quietMs`, but no later than `longestMs` after the
 * first. What happens while it is under way makes one more, after it: never two at once. `work` tells its failures itself.
 * Disposing of it waits for the work under way and begins no other.
 */
export function coalesce(options: {
  readonly quietMs: number;
  readonly longestMs: number;
  readonly timers: Timers;
  readonly work: () => Promise<void>;
}): Coalescer {
  const { quietMs, longestMs, timers, work } = options;
  let since: number | undefined;
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let closed = false;

  const begin = () => {
    cancel = undefined;
    if (running !== undefined || closed) return;
    since = undefined;
    running = work().finally(() => {
      running = undefined;
      if (since !== undefined) schedule();
    });
  };
  const schedule = () => {
    cancel?.();
    const left = (since ?? timers.now()) + longestMs - timers.now();
    cancel = timers.after(Math.max(0, Math.min(quietMs, left)), begin);
  };
  return {
    poke() {
      if (closed) return;
      since ??= timers.now();
      if (running === undefined) schedule();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      cancel?.();
      await running;
    },
  };
}

export const realTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
};
