/** How often each container of a stack was restarted, and when it is to be again. Holds no timers: whoever asks has the clock. */
import type { RestartSpec } from '../../dsl/spec.ts';
import type { ContainerExit } from '../model/container.ts';
import type { ContainerName } from '../model/ids.ts';
import type { RestartCount, RestartCounts } from '../model/restarts.ts';
import { backoffMs } from './backoff.ts';
import { restartBackoff, restartDelay, STABLE_AFTER_MS } from './restart.ts';

/** A run that nobody of us ended. Times in ms since the epoch. */
export interface EndedRun {
  readonly kind: 'service' | 'job';
  readonly policy: RestartSpec;
  /** Undefined: nobody saw it. */
  readonly exit: ContainerExit | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** When its end was noticed: what `finishedAt` would be if somebody had seen it. */
  readonly at: number;
}

export interface Restart {
  readonly delayMs: number;
  /** In a row, from 1. */
  readonly attempt: number;
}

export interface Restarts {
  /**
   * A container's process has ended. Undefined: it stays stopped. Not to be told of what was stopped on purpose.
   * One that somebody outside killed, or whose monitor was, has not failed: it comes back whatever its policy, at once the first time, and that
   * doesn't count against the retries of `on-failure`.
   */
  ended(name: ContainerName, run: EndedRun): Restart | undefined;
  /** A health check has begun to succeed. `at`: ms since the epoch. */
  healthy(name: ContainerName, at: number): void;
  /** A container has become unhealthy and is to be restarted: with the backoff of failures, but without an end. */
  unhealthy(name: ContainerName, at: number): Restart;
  /** It is gone: what was is over. */
  forget(name: ContainerName): void;
  /** It is wanted on request: that it failed counts no more. How long it has been healthy does. */
  forgive(name: ContainerName): void;
  /** ms since the epoch. Undefined: not since it became unhealthy or was restarted. */
  healthySince(name: ContainerName): number | undefined;
  /** For `ps`. */
  count(name: ContainerName): number;
  snapshot(): RestartCounts;
}

/** `before`: the counts of a supervisor before this one. */
export function trackRestarts(before: RestartCounts = {}): Restarts {
  const counts = new Map<ContainerName, RestartCount>(Object.entries(before));
  const of = (name: ContainerName): RestartCount => counts.get(name) ?? NONE;
  const countedBefore = new Map(Object.entries(before).map(([name, { countedEnd }]) => [name, countedEnd]));
  /** A supervisor that was cut off before the restart had counted this end: the one after it decides anew, and counts it once. */
  const isCountedBefore = (name: ContainerName, { finishedAt }: EndedRun): boolean => {
    const counted = countedBefore.get(name);
    countedBefore.delete(name);
    return finishedAt !== undefined && finishedAt === counted;
  };
  return {
    ended(name, run) {
      const killed = run.exit === undefined || run.exit.initKilled;
      const { restarts, ...streak } = isCountedBefore(name, run) ? withoutEnd(of(name), killed) : of(name);
      const { attempts, kills } = ranLong(run) ? NONE : streak;
      const counted = { restarts: restarts + 1, healthySince: undefined, countedEnd: run.finishedAt };
      if (run.exit === undefined || killed) {
        counts.set(name, { ...counted, attempts, kills: kills + 1 });
        return { delayMs: backoffMs(kills, KILLED), attempt: kills + 1 };
      }
      const delayMs = restartDelay({ kind: run.kind, policy: run.policy, exit: run.exit, attempts });
      if (delayMs === undefined) return undefined;
      counts.set(name, { ...counted, attempts: attempts + 1, kills });
      return { delayMs, attempt: attempts + 1 };
    },
    healthy(name, at) {
      counts.set(name, { ...of(name), healthySince: at });
    },
    unhealthy(name, at) {
      const { restarts, attempts: inARow, kills, healthySince } = of(name);
      // How long it ran says nothing here: one that is never healthy runs as long as its patience lasts.
      const attempts = healthySince !== undefined && at - healthySince >= STABLE_AFTER_MS ? 0 : inARow;
      counts.set(name, { restarts: restarts + 1, attempts: attempts + 1, kills, healthySince: undefined });
      return { delayMs: restartBackoff(attempts), attempt: attempts + 1 };
    },
    forget: (name) => void counts.delete(name),
    forgive: (name) => void counts.set(name, { ...NONE, healthySince: of(name).healthySince }),
    healthySince: (name) => of(name).healthySince,
    count: (name) => of(name).restarts,
    snapshot: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

const NONE: RestartCount = { restarts: 0, attempts: 0, kills: 0, healthySince: undefined };
/** After the first, which is repaired at once: somebody may go on killing it. */
const KILLED = { firstMs: 100, maxMs: 60_000 };

function withoutEnd(count: RestartCount, killed: boolean): RestartCount {
  const { restarts, attempts, kills } = count;
  return { ...count, restarts: restarts - 1, ...(killed ? { kills: Math.max(0, kills - 1) } : { attempts: Math.max(0, attempts - 1) }) };
}

function ranLong({ startedAt, finishedAt, at }: EndedRun): boolean {
  return startedAt !== undefined && (finishedAt ?? at) - startedAt >= STABLE_AFTER_MS;
}
