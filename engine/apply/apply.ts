/**
 * Walks a plan: every step as soon as what it depends on is done, all that can run at once at once. A failed step skips what
 * depends on it and nothing else; the first failure is thrown at the end, when nothing runs any more.
 */
import { TsstackError } from '../model/errors.ts';
import type { EngineEvent, OnEvent } from '../model/events.ts';
import type { Executors, Op, Plan, Step } from '../model/plan.ts';
import type { Failpoints } from './failpoints.ts';

export interface ApplyOptions {
  readonly executors: Executors;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Faults on purpose. */
  readonly failpoints?: Failpoints | undefined;
}

export async function apply(plan: Plan, options: ApplyOptions): Promise<void> {
  const walk = new Walk(plan, options);
  await walk.run();
  if (walk.failures.length > 0) throw failure(walk.failures);
  if (options.signal.aborted && walk.cutShort) throw cancelled(options.signal.reason);
}

/** Who has cut it short may have said why. */
function cancelled(reason: unknown): TsstackError {
  if (reason instanceof TsstackError) return reason;
  return new TsstackError('cancelled before everything was done', {
    code: 'cancelled',
    hint: 'the same command goes on where this one stopped; `tsstack down` undoes it',
    cause: reason,
  });
}

class Walk {
  readonly failures: Error[] = [];
  /** A step was left out. */
  cutShort = false;
  readonly #plan: Plan;
  readonly #options: ApplyOptions;
  readonly #waiting = new Map<number, number>();
  readonly #followers = new Map<number, Step[]>();

  constructor(plan: Plan, options: ApplyOptions) {
    this.#plan = plan;
    this.#options = options;
    for (const step of plan.steps) {
      this.#waiting.set(step.id, step.dependsOn.length);
      for (const id of step.dependsOn) this.#followers.set(id, [...(this.#followers.get(id) ?? []), step]);
    }
  }

  /** Each step starts its followers itself, so the walk is done when the first ones and all that they started are. */
  async run(): Promise<void> {
    await Promise.all(this.#plan.steps.filter(({ dependsOn }) => dependsOn.length === 0).map((step) => this.#runStep(step)));
  }

  async #runStep(step: Step): Promise<void> {
    const { signal, now, failpoints } = this.#options;
    if (signal.aborted) return this.#skip(step, 'cancelled');
    const startedAt = now();
    this.#emit({ type: 'step.started', at: startedAt, step });
    try {
      await failpoints?.reach(step, 'before');
      await execute(this.#options.executors, step.op, signal);
      await failpoints?.reach(step, 'after');
    } catch (error) {
      // What a wait rejects with when it is cut off is the signal's reason.
      if (signal.aborted && !(error instanceof TsstackError)) return this.#skip(step, 'cancelled');
      const failed = error instanceof Error ? error : new Error(String(error));
      this.failures.push(failed);
      this.#emit({ type: 'step.failed', at: now(), step, error: failed });
      for (const follower of this.#followers.get(step.id) ?? []) this.#skip(follower, `#${step.id} failed`);
      return;
    }
    this.#emit({ type: 'step.done', at: now(), step, durationMs: now() - startedAt });
    const ready = (this.#followers.get(step.id) ?? []).filter(({ id }) => this.#isReady(id));
    await Promise.all(ready.map((follower) => this.#runStep(follower)));
  }

  #isReady(id: number): boolean {
    const left = (this.#waiting.get(id) ?? 0) - 1;
    this.#waiting.set(id, left);
    return left === 0;
  }

  #skip(step: Step, reason: string): void {
    if ((this.#waiting.get(step.id) ?? 0) < 0) return;
    this.#waiting.set(step.id, Number.NEGATIVE_INFINITY);
    this.cutShort = true;
    this.#emit({ type: 'step.skipped', at: this.#options.now(), step, reason });
    for (const follower of this.#followers.get(step.id) ?? []) this.#skip(follower, reason);
  }

  #emit(event: EngineEvent): void {
    this.#options.onEvent(event);
  }
}

function execute(executors: Executors, op: Op, signal: AbortSignal): Promise<void> {
  // One cast where the table is indexed: `op` bears the kind that `executors[op.kind]` takes, which TypeScript cannot follow.
  const executor = executors[op.kind] as (op: Op, signal: AbortSignal) => Promise<void>;
  return executor(op, signal);
}

function failure(failures: readonly Error[]): Error {
  const [first, ...rest] = failures;
  if (first && rest.length === 0) return first;
  const own = failures.filter((error) => error instanceof TsstackError);
  const code = own[0]?.code ?? 'kernel';
  return new TsstackError(failures.map(({ message }) => message).join('\n'), {
    code,
    hint: own.find(({ hint }) => hint !== undefined)?.hint,
    cause: new AggregateError(failures),
  });
}
