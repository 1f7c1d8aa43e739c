/** Begins anew when the launcher has gone: what it watched for is watched for by another one. */
import { backoffMs } from '../supervise/backoff.ts';
import { STABLE_AFTER_MS } from '../supervise/restart.ts';

export interface LauncherRevivalOptions {
  /** Starts another one and has it watch. What it throws is told, and it is tried again. */
  readonly begin: () => void;
  /** It is there: who waited for something with the one before asks again. */
  readonly onBegun: () => void;
  readonly onError: (error: unknown) => void;
}

/** Starting one costs a millisecond; without one, changes go unnoticed. */
const LAUNCHER = { firstMs: 100, maxMs: 500 };

export class LauncherRevival implements Disposable {
  readonly #options: LauncherRevivalOptions;
  /** In a row. */
  #ends = 0;
  /** ms since the epoch. */
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LauncherRevivalOptions) {
    this.#options = options;
  }

  /** At once the first time. One that can't be started, or ends over and over, is not started as fast as this machine can. */
  launcherGone(): void {
    if (Date.now() - this.#since >= STABLE_AFTER_MS) this.#ends = 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#begin(), backoffMs(this.#ends++, LAUNCHER));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #begin(): void {
    this.#since = Date.now();
    try {
      this.#options.begin();
    } catch (error) {
      this.#options.onError(error);
      this.launcherGone();
      return;
    }
    this.#options.onBegun();
  }
}
