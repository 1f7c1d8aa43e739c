/** Restarts of a stack's containers: how often there were any, which are to come, and which are due. */
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import type { OnEvent } from '../model/events.ts';
import type { ContainerName } from '../model/ids.ts';
import type { RestartCounts } from '../model/restarts.ts';
import { type Restart, type Restarts, trackRestarts } from '../supervise/restarts.ts';

export interface ContainerRestartsOptions {
  readonly emit: OnEvent;
  /** One has become due. */
  readonly onDue: () => void;
  /** Restarts so far: of the supervisor before. */
  readonly before: RestartCounts;
}

interface Pending {
  readonly timer: NodeJS.Timeout;
  /** ms since the epoch. */
  readonly at: number;
  readonly delayMs: number;
  readonly attempt: number;
}

export class ContainerRestarts implements Disposable {
  readonly #options: ContainerRestartsOptions;
  readonly #counted: Restarts;
  readonly #pending = new Map<ContainerName, Pending>();
  readonly #due = new Set<ContainerName>();

  constructor(options: ContainerRestartsOptions) {
    this.#options = options;
    this.#counted = trackRestarts(options.before);
  }

  /** A run is over that nobody of us has ended: whether there will be another one is for its policy to say. */
  ended(name: ContainerName, { kind, restart: policy }: ContainerRecord, { exit, startedAt, finishedAt }: ContainerStatus): void {
    const decision = this.#counted.ended(name, { kind, policy, exit, startedAt, finishedAt, at: Date.now() });
    // One that others have killed has drifted: repair brings it back, whatever its policy.
    const killed = exit === undefined || exit.initKilled;
    if (decision !== undefined && !killed) this.#schedule(name, decision);
  }

  unhealthy(name: ContainerName): void {
    this.#schedule(name, this.#counted.unhealthy(name, Date.now()));
  }

  /** Be it that it has recovered before it was restarted. */
  healthy(name: ContainerName): void {
    this.cancel(name);
    this.#counted.healthy(name, Date.now());
  }

  /** ms since the epoch. Undefined: not since it became unhealthy or was restarted. */
  healthySince(name: ContainerName): number | undefined {
    return this.#counted.healthySince(name);
  }

  /** Stopped because what it depends on is restarted: started when that is ready. */
  makeDue(name: ContainerName): void {
    this.#due.add(name);
  }

  cancel(name: ContainerName): void {
    clearTimeout(this.#pending.get(name)?.timer);
    this.#pending.delete(name);
    this.#due.delete(name);
  }

  /** Nothing is wanted any more. */
  cancelAll(): void {
    for (const name of this.toCome) this.cancel(name);
  }

  /** The container is there no more. */
  forget(name: ContainerName): void {
    this.cancel(name);
    this.#counted.forget(name);
  }

  /** Brought up on request: what failed before doesn't count, and what is to come is called off. */
  forgive(name: ContainerName): void {
    this.cancel(name);
    this.#counted.forgive(name);
  }

  /** To be started, or stopped and started, now. */
  get due(): readonly ContainerName[] {
    return [...this.#due].sort();
  }

  /** Of those that will be started again without anybody asking. */
  get toCome(): readonly ContainerName[] {
    return [...this.#pending.keys(), ...this.#due];
  }

  /** Those of them that come so soon that ports go on leading to them: who asks there is kept waiting instead of refused. */
  get backSoon(): readonly ContainerName[] {
    return [...this.#pending].filter(([, { delayMs }]) => delayMs <= SOON_MS).map(([name]) => name);
  }

  /** Whether there will be one without anybody asking. */
  willCome(name: ContainerName): boolean {
    return this.#pending.has(name) || this.#due.has(name);
  }

  count(name: ContainerName): number {
    return this.#counted.count(name);
  }

  get counts(): RestartCounts {
    return this.#counted.snapshot();
  }

  /** Why a container doesn't run. Undefined: not because it waits for its restart. */
  reasonOf(name: ContainerName): string | undefined {
    const pending = this.#pending.get(name);
    if (!pending) return undefined;
    return `restarts in ${(Math.max(0, pending.at - Date.now()) / 1000).toFixed(1)} s (attempt ${pending.attempt})`;
  }

  [Symbol.dispose](): void {
    this.cancelAll();
  }

  #schedule(name: ContainerName, { delayMs, attempt }: Restart): void {
    this.cancel(name);
    this.#options.emit({ type: 'container.restarting', at: Date.now(), container: name, delayMs, attempt });
    const timer = setTimeout(() => {
      this.#pending.delete(name);
      this.#due.add(name);
      this.#options.onDue();
    }, delayMs);
    this.#pending.set(name, { timer, at: Date.now() + delayMs, delayMs, attempt });
  }
}

/** A client's kernel sends what wasn't answered again after a second (RFC 6298, 2.1). */
const SOON_MS = 1000;
