import type { Engine } from '../../engine/model/engine.ts';
import type { CommandContext, LoadedStack } from '../context.ts';
import { realTimers, type Timers } from './coalesce.ts';
import type { Host } from './followed.ts';
import { changedAt, host, versionOf } from './host.ts';
import { type OpenTypeChecker, openTypeChecker } from './type-checker.ts';
import { type OpenWatcher, openWatcher } from './watcher.ts';

export interface WatchSession {
  readonly context: CommandContext;
  readonly engine: Engine;
  /** Is up already. */
  readonly stack: LoadedStack;
  /** When its loading began, ms since the epoch: what changed after that may not be in it. */
  readonly loadedAt: number;
  /** What `up` was asked for, and whose watch rules count. Undefined: all. */
  readonly services: readonly string[] | undefined;
  /** Ends the watching. */
  readonly signal: AbortSignal;
}

/** What of the host a test plays itself. */
export interface WatchDoors {
  readonly openWatcher: OpenWatcher;
  readonly openTypeChecker: OpenTypeChecker;
  readonly timers: Timers;
  readonly host: Host;
  /** ms since the epoch of the last change of a file's content or name; undefined: not there. */
  readonly changedAt: (path: string) => number | undefined;
  /** Another text when what is there is in another state. */
  readonly versionOf: (path: string) => string;
}

export const REAL_DOORS: WatchDoors = {
  openWatcher,
  openTypeChecker,
  timers: realTimers,
  host,
  changedAt,
  versionOf,
};
