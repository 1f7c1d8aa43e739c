/** One at a time, in order of asking. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the asker's turn, with what ends the turn. Rejects with the signal's reason: then the turn is passed on. */
  async take(signal?: AbortSignal): Promise<Turn> {
    signal?.throwIfAborted();
    const before = this.#last;
    let end: () => void = () => undefined;
    this.#last = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      before.then(end);
      throw error;
    }
    return { [Symbol.dispose]: end };
  }
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

export type Turn = Disposable;

/**
 * A turn that is lent to others while all that goes on within it is waiting. A plan may wait for minutes until a database is healthy;
 * meanwhile what has drifted is repaired and what has crashed is restarted.
 *
 * INVARIANT: `active` steps run, of which `waiting` wait; the turn is held whenever `active > waiting`.
 */
export class LentTurn implements Disposable {
  readonly #turns: Turns;
  /** Told when the turn is lent. */
  readonly #onLent: () => void;
  #turn: Turn | undefined;
  #taking: Promise<void> | undefined;
  #active = 0;
  #waiting = 0;
  #over = false;

  private constructor(turns: Turns, turn: Turn, onLent: () => void) {
    this.#turns = turns;
    this.#turn = turn;
    this.#onLent = onLent;
  }

  static async take(turns: Turns, { signal, onLent }: { readonly signal: AbortSignal; readonly onLent: () => void }): Promise<LentTurn> {
    return new LentTurn(turns, await turns.take(signal), onLent);
  }

  stepStarted(): void {
    this.#active++;
  }

  stepEnded(): void {
    this.#active--;
    this.#consider();
  }

  /** Runs `wait`, during which the turn may be somebody else's. It is ours again when this resolves. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting++;
    this.#consider();
    try {
      return await wait();
    } finally {
      await this.#retake();
      this.#waiting--;
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  /** Between a step's end and its followers' start nothing runs for a moment: decided when that moment is over. */
  #consider(): void {
    setImmediate(() => {
      if (this.#turn === undefined || this.#over || this.#waiting === 0 || this.#active > this.#waiting) return;
      this.#turn[Symbol.dispose]();
      this.#turn = undefined;
      this.#onLent();
    });
  }

  #retake(): Promise<void> {
    if (this.#turn !== undefined) return Promise.resolve();
    this.#taking ??= this.#turns.take().then((turn) => {
      this.#taking = undefined;
      this.#turn = turn;
      if (this.#over) this[Symbol.dispose]();
    });
    return this.#taking;
  }
}
