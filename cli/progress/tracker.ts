import type { EngineEvent } from '../../engine/model/events.ts';
import type { Plan, Step } from '../../engine/model/plan.ts';
import { isCancellation } from '../cancellation.ts';
import { groupSteps, outcome, type StepGroup } from './groups.ts';

/** What a view of a running plan is told. Each group begins once and ends once. */
export interface ProgressView {
  planned(groups: readonly StepGroup[]): void;
  began(group: StepGroup): void;
  /** One of its steps waits for something that takes as long as the container likes: `healthy`, `completed`. */
  waits?(group: StepGroup, until: string): void;
  /** `error`: the first failure of one of its steps. `skipped`: something it needs failed, or it was cancelled. */
  ended(group: StepGroup, result: GroupResult): void;
  /** Every step, with its time. Only views that show them have it. */
  stepDone?(step: Step, durationMs: number): void;
  /** Resolves when all has been drawn. */
  close(): Promise<void>;
}
export type GroupResult = { readonly outcome: string } | { readonly error: Error } | { readonly skipped: string };

/** What a view says after the group's label. */
export function wordFor(result: GroupResult): string {
  if ('outcome' in result) return result.outcome;
  if ('skipped' in result) return 'skipped';
  return isCancellation(result.error) ? 'cancelled' : 'failed';
}

/** Turns the engine's events about steps into what a view shows. */
export function trackProgress(view: ProgressView): (event: EngineEvent) => void {
  let groups = new Map<number, GroupState>();
  const settle = (step: Step, result: GroupResult | undefined) => {
    const state = groups.get(step.id);
    if (state === undefined) return;
    begin(state);
    state.open--;
    if (result !== undefined && (state.result === undefined || 'error' in result)) state.result = result;
    if (state.open === 0) view.ended(state.group, state.result ?? { outcome: outcome(state.group) });
  };
  const begin = (state: GroupState) => {
    if (state.begun) return;
    state.begun = true;
    view.began(state.group);
  };
  return (event) => {
    if (event.type === 'planned') {
      groups = stateOfSteps(event.plan);
      view.planned([...new Set(groups.values())].map(({ group }) => group));
    } else if (event.type === 'step.started') {
      const state = groups.get(event.step.id);
      if (state === undefined) return;
      begin(state);
      if (event.step.op.kind === 'container.await') view.waits?.(state.group, event.step.op.until);
    } else if (event.type === 'step.done') {
      view.stepDone?.(event.step, event.durationMs);
      settle(event.step, undefined);
    } else if (event.type === 'step.failed') settle(event.step, { error: event.error });
    else if (event.type === 'step.skipped') settle(event.step, { skipped: event.reason });
  };
}

interface GroupState {
  readonly group: StepGroup;
  /** Steps that have not settled. */
  open: number;
  begun: boolean;
  result: GroupResult | undefined;
}

function stateOfSteps(plan: Plan): Map<number, GroupState> {
  const states = new Map<number, GroupState>();
  for (const group of groupSteps(plan)) {
    const state: GroupState = { group, open: group.steps.length, begun: false, result: undefined };
    for (const step of group.steps) states.set(step.id, state);
  }
  return states;
}
