import type { ContainerName } from './ids.ts';

/** What a supervisor remembers of restarts. JSON-serialisable. */
export type RestartCounts = Readonly<Record<ContainerName, RestartCount>>;

export interface RestartCount {
  /** All of them, for people. */
  readonly restarts: number;
  /** In a row, for failures of its own: what the backoff and `on-failure:N` count. */
  readonly attempts: number;
  /** In a row, for having been killed by others. */
  readonly kills: number;
  /** ms since the epoch. Undefined: it isn't. */
  readonly healthySince: number | undefined;
  /** When the run that was counted last had ended, ms since the epoch. Undefined: nobody knows. */
  readonly countedEnd?: number | undefined;
}
