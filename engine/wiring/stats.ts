/** What containers use, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises';
import { observeContainers } from '../kernel/containers.ts';
import { sampleUsage as sample, type Usage } from '../kernel/usage.ts';
import type { ContainerStats, StatsOptions } from '../model/engine.ts';
import type { ContainerState } from '../model/resources.ts';
import { cgroupPath, serviceOfContainer } from '../plan/names.ts';
import type { Session } from './session.ts';
import { resolveTargets } from './targets.ts';

const DEFAULT_INTERVAL_MS = 1000;

/**
 * Each running target at each moment; the first after one interval, since a rate needs two samples. A container that was started in the
 * meantime is there from its second sample on. Ends at the signal, or, unless it is to follow, after the first moment.
 * @throws TsstackError `not-found` for a target that is none, at the first step.
 */
export async function* streamStats(session: Session, options: StatsOptions): AsyncIterable<readonly ContainerStats[]> {
  const { signal, follow, targets, intervalMs = DEFAULT_INTERVAL_MS } = options;
  let before = sampleAll(session, runningTargets(session, targets));
  do {
    if (!(await elapsed(intervalMs, signal))) return;
    // One that was removed meanwhile is no mistake of the caller's.
    const now = sampleAll(session, runningTargets(session, targets, { ignoreUnknown: true }));
    yield [...now].flatMap(([key, moment]) => statsBetween(before.get(key), moment) ?? []);
    before = now;
  } while (follow);
}

/** What one container uses now, see `engine/kernel/usage.ts`. Undefined: it doesn't run. */
function sampleUsage({ stack, cgroups }: Session, { name, status }: ContainerState): Usage | undefined {
  if (status.state !== 'running' || status.init === undefined) return undefined;
  return sample(cgroups, { path: cgroupPath(stack, name), initPid: status.init.pid });
}

/** Throws TsstackError `not-found` for a target that is none. */
export function runningTargets(
  { paths, bootId, stack }: Session,
  targets: readonly string[] | undefined,
  options: { readonly ignoreUnknown?: boolean } = {},
): readonly (ContainerState & { readonly service: string })[] {
  const all = observeContainers(paths.containers, bootId).map((state) => ({
    ...state,
    service: state.record?.service ?? serviceOfContainer(state.name),
  }));
  return resolveTargets(all, targets, { stack: stack.name, ...options }).filter(({ status }) => status.state === 'running');
}

interface Moment {
  readonly container: string;
  readonly service: string;
  /** ms since the epoch. */
  readonly at: number;
  /** ms, of a clock that nobody sets. */
  readonly instant: number;
  readonly usage: Usage;
}

/** By container and init: after a restart it is another one. */
function sampleAll(session: Session, containers: ReturnType<typeof runningTargets>): Map<string, Moment> {
  const moments = new Map<string, Moment>();
  for (const container of containers) {
    const usage = sampleUsage(session, container);
    if (usage === undefined) continue;
    const { name, service, status } = container;
    const key = `${name} ${status.init?.pid} ${status.init?.startTime}`;
    moments.set(key, { container: name, service, at: Date.now(), instant: performance.now(), usage });
  }
  return moments;
}

/** Undefined: there is nothing to measure a rate by yet. */
function statsBetween(before: Moment | undefined, { container, service, at, instant, usage }: Moment): ContainerStats | undefined {
  if (before === undefined) return undefined;
  const usedUsec = usage.cpuUsec - before.usage.cpuUsec;
  const cpuPercent = usedUsec / (instant - before.instant) / 10;
  // What is added up over processes falls when one ends that nobody waited for.
  return { container, service, at, ...usage, cpuPercent: Math.max(0, cpuPercent) };
}

/** False: the signal came first. */
async function elapsed(ms: number, signal: AbortSignal): Promise<boolean> {
  // The abort is all it can reject with.
  return delay(ms, true, { signal }).catch(() => false);
}
