import type { Plan, Step } from './plan.ts';

/** What the engine tells while it works. `at`: ms since the epoch. */
export type EngineEvent =
  | { readonly type: 'planned'; readonly at: number; readonly plan: Plan }
  | { readonly type: 'step.started'; readonly at: number; readonly step: Step }
  | { readonly type: 'step.done'; readonly at: number; readonly step: Step; readonly durationMs: number }
  | { readonly type: 'step.failed'; readonly at: number; readonly step: Step; readonly error: Error }
  | { readonly type: 'step.skipped'; readonly at: number; readonly step: Step; readonly reason: string }
  | {
      readonly type: 'container.exited';
      readonly at: number;
      readonly container: string;
      readonly code: number;
      readonly signal: number | undefined;
      readonly oomKilled: boolean;
    }
  | {
      readonly type: 'container.restarting';
      readonly at: number;
      readonly container: string;
      readonly delayMs: number;
      readonly attempt: number;
    }
  | { readonly type: 'notice'; readonly at: number; readonly message: string };

export type OnEvent = (event: EngineEvent) => void;
