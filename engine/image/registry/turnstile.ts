/** Lets a few in at a time, in the order they came. */

export interface Turnstile {
  /** Rejects with the signal's reason if that comes while it waits. */
  pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function turnstile(width: number): Turnstile {
  let inside = 0;
  const waiting = new Set<() => void>();
  const enter = (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (inside < width) {
      inside += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(goOn);
        reject(signal.reason);
      };
      // Whoever leaves hands its place over, so `inside` stays.
      const goOn = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      waiting.add(goOn);
      signal.addEventListener('abort', leave, { once: true });
    });
  };
  return {
    async pass(work, signal) {
      await enter(signal);
      try {
        return await work();
      } finally {
        const [next] = waiting;
        if (next === undefined) inside -= 1;
        else {
          waiting.delete(next);
          next();
        }
      }
    },
  };
}
