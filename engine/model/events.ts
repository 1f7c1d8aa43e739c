import type { Health } from './container.ts';
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
      /** We stopped it. */
      readonly requested?: boolean;
    }
  | {
      readonly type: 'container.restarting';
      readonly at: number;
      readonly container: string;
      readonly delayMs: number;
      readonly attempt: number;
    }
  | { readonly type: 'container.started'; readonly at: number; readonly container: string }
  | {
      readonly type: 'container.health';
      readonly at: number;
      readonly container: string;
      readonly health: Health;
      /** Why it is unhealthy: the end of what the last probe printed. */
      readonly detail: string | undefined;
    }
  /** Processes in a container were killed for want of memory; it may go on without them. */
  | { readonly type: 'container.oom'; readonly at: number; readonly container: string; readonly kills: number }
  | { readonly type: 'container.paused' | 'container.unpaused'; readonly at: number; readonly container: string }
  /** A hook of a container has ended. `error`: why it failed. */
  | {
      readonly type: 'hook';
      readonly at: number;
      readonly container: string;
      /** `postStart[0]`, `onHealthy`. */
      readonly hook: string;
      readonly durationMs: number;
      readonly error: string | undefined;
    }
  /** Something isn't as it must be, though nobody asked for a change. One for each thing; what is done about it follows as steps. */
  | { readonly type: 'drift'; readonly at: number; readonly resource: string; readonly cause: string }
  /** What drifted is as it must be again. */
  | { readonly type: 'repaired'; readonly at: number; readonly resources: readonly string[]; readonly durationMs: number }
  | {
      readonly type: 'repair.failed';
      readonly at: number;
      readonly message: string;
      /** In a row. */
      readonly attempts: number;
      /** Until the next try, unless something changes before. */
      readonly retryInMs: number;
    }
  /** These images are asked of their registries. */
  | { readonly type: 'pull.started'; readonly at: number; readonly images: readonly string[] }
  /** What an image consists of is known: its layers, lowest first, each digest once. */
  | { readonly type: 'pull.layers'; readonly at: number; readonly image: string; readonly layers: readonly PulledLayer[] }
  /** How far a layer is. `bytes` of `total` are fetched, or read while extracting. At most ten a second of each layer. */
  | {
      readonly type: 'pull.progress';
      readonly at: number;
      readonly image: string;
      readonly layer: string;
      readonly stage: 'fetching' | 'extracting' | 'done';
      readonly bytes: number;
      readonly total: number;
    }
  /** `digest`: of what the reference names. `fetched`: bytes that came. */
  | {
      readonly type: 'pull.done';
      readonly at: number;
      readonly image: string;
      readonly digest: string;
      readonly fetched: number;
      readonly durationMs: number;
    }
  | { readonly type: 'pull.failed'; readonly at: number; readonly image: string; readonly message: string }
  /** An image is being made here, not pulled. `image`: as people know it (`debian:bookworm`, `build ./api`). */
  | { readonly type: 'build.started'; readonly at: number; readonly image: string }
  /** `index` is unique within the image; `name` is shown: `[web 2/5] RUN npm ci`. `durationMs`: 0 unless done. */
  | {
      readonly type: 'build.step';
      readonly at: number;
      readonly image: string;
      readonly index: number;
      readonly name: string;
      readonly state: 'started' | 'cached' | 'done' | 'failed';
      readonly durationMs: number;
    }
  /** What a step prints, a line each. */
  | { readonly type: 'build.output'; readonly at: number; readonly image: string; readonly index: number; readonly text: string }
  | { readonly type: 'build.done'; readonly at: number; readonly image: string; readonly digest: string; readonly durationMs: number }
  | { readonly type: 'build.failed'; readonly at: number; readonly image: string; readonly message: string }
  /** A supervisor has begun; these containers were running before it. */
  | { readonly type: 'supervisor.started'; readonly at: number; readonly pid: number; readonly adopted: readonly string[] }
  | { readonly type: 'notice'; readonly at: number; readonly message: string };

export interface PulledLayer {
  readonly digest: string;
  /** Compressed, bytes. */
  readonly size: number;
}

export type OnEvent = (event: EngineEvent) => void;
