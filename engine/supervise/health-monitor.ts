import type { HealthcheckSpec } from '../../dsl/spec.ts';
import type { Health } from '../model/container.ts';
import { type Clock, describeFailure, NOT_ASKED, type ProbeResult, patienceMs, TIMED_OUT } from './health.ts';

export interface MonitorHealthOptions {
  readonly check: HealthcheckSpec;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** What a supervisor before this one had found out about the same run. */
  readonly adopted?: Health | undefined;
  readonly clock: Clock;
  /**
   * Settles at once when its signal aborts, which it does when `timeout` is over and when the monitor ends. What it answers then still counts.
   * A rejection is a failure.
   */
  readonly probe: (signal: AbortSignal) => Promise<ProbeResult>;
  /** Told each change, and why it is unhealthy. Must not throw. */
  readonly onChange: (health: Health, detail: string | undefined) => void;
}

/**
 * Watches the health of one run of a container until it is disposed. The first probe is asked at the end of this turn of the event loop, then fast
 * until the first success, then every `interval`. Compose's patience, not its speed: a service that is ready after 80 ms is found
 * healthy after 100, not after an interval.
 *
 *                 a success                     `retries` failures in a row
 *     starting ───────────────▶ healthy ───────────────────────────────────▶ unhealthy
 *        │                         ▲                  a success                 │ ▲
 *        │                         └────────────────────────────────────────────┘ │
 *        └────────────────── failed for `startPeriod + retries * interval` ────────┘
 *
 * A log probe isn't repeated: it waits for its line. Once that was seen, it is healthy for good.
 */
export function monitorHealth(options: MonitorHealthOptions): HealthMonitor {
  return new HealthMonitor(options);
}

/** Between probes until the first success: doubled from `startInterval` up to this, and never above `interval`. */
const MAX_START_INTERVAL_MS = 1000;

/** INVARIANT: one probe at a time; the next is asked when the one before has settled. */
export class HealthMonitor implements Disposable {
  readonly #options: MonitorHealthOptions;
  readonly #probe = new AbortController();
  #health: Health;
  #last: ProbeResult | undefined;
  /** It was healthy in this run. */
  #proven: boolean;
  #failures = 0;
  #startInterval: number;
  /** ms since the epoch: until then failures of a container that was never healthy don't count. */
  #deadline: number;
  #disposed = false;
  #pausedAt: number | undefined;
  #pauses = 0;
  /** Ends what the loop waits for between two probes. */
  #rest = new AbortController();
  readonly #waiters = new Set<() => void>();

  constructor(options: MonitorHealthOptions) {
    const { check, startedAt, adopted = 'starting' } = options;
    this.#options = options;
    this.#health = adopted;
    this.#proven = adopted === 'healthy';
    this.#startInterval = check.startIntervalMs;
    this.#deadline = startedAt + patienceMs(check);
    void this.#run();
  }

  get health(): Health {
    return this.#health;
  }

  /** What the last probe answered. Undefined: none has yet. */
  get last(): ProbeResult | undefined {
    return this.#last;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** The container is frozen: no probe is asked, the answer of one that is under way is ignored, and its patience isn't used up. */
  pause(): void {
    if (this.#pausedAt !== undefined) return;
    this.#pausedAt = this.#options.clock.now();
    this.#pauses++;
    this.#rest.abort();
  }

  /** Asks at once. */
  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#deadline += this.#options.clock.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#rest.abort();
  }

  /**
   * Resolves with `healthy`, or with `unhealthy` if a probe of this monitor has found so; with `starting` if it is disposed before either.
   * Rejects with the signal's reason.
   */
  settled(signal: AbortSignal): Promise<Health> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!signal.aborted && !this.#disposed && !this.#isSettled()) return;
        this.#waiters.delete(look);
        signal.removeEventListener('abort', look);
        if (signal.aborted) reject(signal.reason);
        else resolve(this.#isSettled() ? this.#health : 'starting');
      };
      this.#waiters.add(look);
      signal.addEventListener('abort', look);
      look();
    });
  }

  /** Gives up a probe that is under way. Changes nothing about `health`. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#probe.abort();
    this.#rest.abort();
    this.#tellWaiters();
  }

  async #run(): Promise<void> {
    // Whoever makes it can pause it before the first probe.
    await Promise.resolve();
    while (!this.#disposed && !(this.#proven && this.#options.check.probe.kind === 'log')) {
      if (this.#pausedAt === undefined) await this.#turn();
      else await this.#untilDisturbed();
    }
  }

  async #turn(): Promise<void> {
    const pauses = this.#pauses;
    const result = await this.#ask();
    if (this.#disposed || pauses !== this.#pauses) return;
    const gap = this.#take(result);
    this.#tellWaiters();
    await this.#untilDisturbed(gap);
  }

  /** ms until the next probe. */
  #take(result: ProbeResult): number {
    const { check, clock } = this.#options;
    this.#last = result;
    if (result.code === 0) {
      this.#failures = 0;
      this.#proven = true;
      this.#become('healthy', undefined);
      return check.intervalMs;
    }
    this.#failures++;
    const over = this.#proven ? this.#failures >= check.retries : clock.now() >= this.#deadline;
    if (over) this.#become('unhealthy', describeFailure(check, result));
    // A log that is looked into again is read from the start of the run, without a limit of time from now on.
    if (check.probe.kind === 'log' && result.code === TIMED_OUT) return 0;
    return this.#health === 'starting' ? this.#nextStartInterval() : check.intervalMs;
  }

  #nextStartInterval(): number {
    const { startIntervalMs, intervalMs } = this.#options.check;
    const gap = this.#startInterval;
    this.#startInterval = Math.min(gap * 2, intervalMs, Math.max(MAX_START_INTERVAL_MS, startIntervalMs));
    return gap;
  }

  /** Of a log probe the whole patience is the limit: there is nothing to be asked again. */
  #limit(): number | undefined {
    const { check, clock } = this.#options;
    if (check.probe.kind !== 'log') return check.timeoutMs;
    return this.#health === 'starting' ? Math.max(0, this.#deadline - clock.now()) : undefined;
  }

  async #ask(): Promise<ProbeResult> {
    const attempt = new AbortController();
    const giveUp = () => attempt.abort();
    this.#probe.signal.addEventListener('abort', giveUp);
    const limit = this.#limit();
    let late = false;
    const watchdog =
      limit === undefined
        ? undefined
        : untilAborted(this.#options.clock.sleep(limit, attempt.signal), attempt.signal).then((over) => {
            late = over;
            if (over) attempt.abort();
          });
    try {
      const answer = await this.#options.probe(attempt.signal);
      return late && answer.code !== 0 ? { ...answer, code: TIMED_OUT } : answer;
    } catch (error) {
      return { code: late ? TIMED_OUT : NOT_ASKED, output: late ? '' : messageOf(error) };
    } finally {
      attempt.abort();
      this.#probe.signal.removeEventListener('abort', giveUp);
      await watchdog;
    }
  }

  /** For so long, or until it is paused, resumed or disposed. */
  async #untilDisturbed(ms?: number): Promise<void> {
    // Who was told of a change may have done it meanwhile.
    if (this.#disposed || (ms !== undefined && this.#pausedAt !== undefined)) return;
    const rest = new AbortController();
    this.#rest = rest;
    if (ms !== undefined) await untilAborted(this.#options.clock.sleep(ms, rest.signal), rest.signal);
    else await new Promise<void>((resolve) => rest.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #become(health: Health, detail: string | undefined): void {
    const changed = health !== this.#health;
    this.#health = health;
    if (changed) this.#options.onChange(health, detail);
  }

  #isSettled(): boolean {
    // What was adopted as unhealthy may have recovered since: its first probe tells.
    return this.#health === 'healthy' || (this.#health === 'unhealthy' && this.#last !== undefined);
  }

  #tellWaiters(): void {
    for (const look of [...this.#waiters]) look();
  }
}

/** True: the sleep came to its end. False: it was cut off. */
async function untilAborted(sleep: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep;
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
