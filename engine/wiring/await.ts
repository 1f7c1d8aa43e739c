/** Waiting for a condition of a container while a plan runs: running, healthy, or completed. */
import { setTimeout as delay } from 'node:timers/promises';
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { Executors } from '../model/plan.ts';
import { type Clock, patienceMs } from '../supervise/health.ts';
import { type HealthMonitor, monitorHealth } from '../supervise/health-monitor.ts';
import { endedBeforeHealthy, waitHealthy } from '../supervise/wait-healthy.ts';
import { probeContainer } from './probes.ts';
import { untilRestarted } from './restarted.ts';
import type { Session } from './session.ts';

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), sleep };

const RUNNING_AFTER_MS = 200;
/** How long one that is restarted may take to survive its first moments. */
const RESTARTING_PATIENCE_MS = 10_000;
/** Node takes a longer time for 1 ms (`setTimeout` in its documentation of timers). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What a supervisor knows better than who only waits. */
export interface Supervision {
  /** The monitor that a container is watched by anyway: then it isn't probed twice. Undefined: there is none, or none yet. */
  readonly monitorOf?: (name: string) => HealthMonitor | undefined;
  /**
   * Whether a container that has ended will be started again: then waiting goes on, as long as there is patience. Who gives this tells
   * the ends of containers itself.
   */
  readonly willRestart?: (name: string, status: ContainerStatus) => boolean;
}

export interface AwaitOptions extends Supervision {
  readonly signal: AbortSignal;
  /** Told how a container ended that was waited for. */
  readonly onEvent: OnEvent;
}

export function awaitExecutors(session: Session, onEvent: OnEvent, supervision: Supervision = {}): Pick<Executors, 'container.await'> {
  return {
    'container.await': ({ name, until }, signal) => AWAIT[until](session, name, { ...supervision, signal, onEvent }),
  };
}

const AWAIT = { running: awaitRunning, healthy: awaitHealthy, completed: awaitCompleted } as const;

/** Throws `service-failed` when its monitor's patience is over, or when it has ended and isn't restarted in that time. */
export async function awaitHealthy(session: Session, name: string, options: AwaitOptions): Promise<void> {
  const { healthcheck } = readContainer(session, name).record;
  if (!healthcheck) throw withoutHealthcheck(name);
  const deadline = SYSTEM_CLOCK.now() + patienceMs(healthcheck);
  for (;;) {
    const end = await healthOrEnd(session, name, options);
    if (end === 'healthy') return;
    if (end === 'unwatched') continue;
    if (!(await isRestarted(session, { name, end, deadline }, options))) throw endedBeforeHealthy(name, describeEnd(end));
  }
}

/** Of the run that there is now. */
async function healthOrEnd(session: Session, name: string, options: AwaitOptions): Promise<'healthy' | 'unwatched' | ContainerStatus> {
  const { record, status } = readContainer(session, name);
  const check = record.healthcheck;
  // The check may have been taken away, in place, while it was waited for.
  if (!check) throw withoutHealthcheck(name);
  if (status.state === 'stopped') return status;
  const shared = options.monitorOf?.(name);
  const monitor = shared === undefined || shared.disposed ? watchAlone(session, { record, status }) : shared;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const healthy = waitHealthy({ container: name, check, monitor, signal }).then((is) => (is ? 'healthy' : 'unwatched'));
  const ended = untilEnded(session, name, signal);
  try {
    return await Promise.race([ended, healthy]);
  } finally {
    over.abort();
    if (monitor !== shared) monitor[Symbol.dispose]();
    // Whichever lost the race rejects with that abort.
    await Promise.allSettled([ended, healthy]);
  }
}

function watchAlone(session: Session, { record, status }: Container): HealthMonitor {
  const { healthcheck: check } = record;
  if (!check) throw withoutHealthcheck(record.name);
  return monitorHealth({
    check,
    startedAt: status.startedAt ?? SYSTEM_CLOCK.now(),
    clock: SYSTEM_CLOCK,
    probe: (signal) => probeContainer(session, record, { status, signal }),
    onChange: () => undefined,
  });
}

export async function awaitCompleted(session: Session, name: string, options: AwaitOptions): Promise<void> {
  for (;;) {
    const { record } = readContainer(session, name);
    const end = await untilEnded(session, name, options.signal);
    if (end.exit?.code === 0) return tellEnd(name, end, options);
    if (await isRestarted(session, { name, end, deadline: undefined }, options)) continue;
    throw new TsstackError(`${record.kind} \`${name}\` ${describeEnd(end)}`, {
      code: 'service-failed',
      hint: `\`tsstack logs ${record.service}\` shows what it said`,
    });
  }
}

/**
 * A service without a healthcheck counts as running when it has survived its first moments: one that cannot find its
 * configuration ends within them.
 */
export async function awaitRunning(session: Session, name: string, options: AwaitOptions): Promise<void> {
  const deadline = SYSTEM_CLOCK.now() + RESTARTING_PATIENCE_MS;
  for (;;) {
    const end = await endAmongFirstMoments(session, name, options.signal);
    if (!end) return;
    if (await isRestarted(session, { name, end, deadline }, options)) continue;
    throw new TsstackError(`service \`${name}\` ${describeEnd(end)}`, {
      code: 'service-failed',
      hint: `\`tsstack logs ${name}\` shows what it said`,
    });
  }
}

/** Undefined: it goes on. */
async function endAmongFirstMoments(session: Session, name: string, signal: AbortSignal): Promise<ContainerStatus | undefined> {
  const { status } = readContainer(session, name);
  if (status.state === 'stopped') return status;
  const ranMs = status.startedAt === undefined ? 0 : SYSTEM_CLOCK.now() - status.startedAt;
  if (status.state === 'running' && ranMs >= RUNNING_AFTER_MS) return undefined;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const survived = SYSTEM_CLOCK.sleep(RUNNING_AFTER_MS, either).then(() => undefined);
  const ended = untilEnded(session, name, either);
  try {
    return await Promise.race([survived, ended]);
  } finally {
    over.abort();
    await Promise.allSettled([survived, ended]);
  }
}

interface Ended {
  readonly name: string;
  readonly end: ContainerStatus;
  /** ms since the epoch. Undefined: as long as it will be restarted. */
  readonly deadline: number | undefined;
}

/** Waits for the restart, if there will be one. False: there won't, or not in time. */
async function isRestarted(session: Session, { name, end, deadline }: Ended, options: AwaitOptions): Promise<boolean> {
  tellEnd(name, end, options);
  if (!options.willRestart?.(name, end)) return false;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const restarted = untilRestarted(session, name, { since: end, signal }).then(() => true);
  const late = deadline === undefined ? [] : [SYSTEM_CLOCK.sleep(Math.max(0, deadline - SYSTEM_CLOCK.now()), signal).then(() => false)];
  try {
    return await Promise.race([restarted, ...late]);
  } finally {
    over.abort();
    await Promise.allSettled([restarted, ...late]);
  }
}

function tellEnd(container: string, { exit }: ContainerStatus, { onEvent, willRestart }: AwaitOptions): void {
  if (exit && !willRestart) onEvent({ type: 'container.exited', at: SYSTEM_CLOCK.now(), container, ...exit });
}

/** Resolves with the status the monitor left. */
export async function untilEnded(session: Session, name: string, signal: AbortSignal): Promise<ContainerStatus> {
  const { monitor } = readContainer(session, name).status;
  if (monitor) await session.launcher.waitExit(monitor, signal);
  return readContainer(session, name).status;
}

function describeEnd({ exit }: ContainerStatus): string {
  if (!exit) return 'ended and nobody saw how';
  if (exit.error !== undefined) return `could not be started: ${exit.error}`;
  if (exit.oomKilled) return 'ran out of memory and was killed';
  return exit.signal === undefined ? `exited with code ${exit.code}` : `was ended by signal ${exit.signal}`;
}

interface Container {
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
}

function readContainer({ paths, bootId }: Session, name: string): Container {
  const directory = `${paths.containers}/${name}`;
  const record = readRecord(directory);
  if (!record) throw new TsstackError(`there is no container \`${name}\``, { code: 'not-found' });
  return { record, status: readContainerStatus(directory, bootId) };
}

function withoutHealthcheck(name: string): TsstackError {
  return new TsstackError(`cannot wait until \`${name}\` is healthy: it has no healthcheck`, { code: 'invalid-stack-file' });
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; ; left -= LONGEST_TIMER_MS) {
    await delay(Math.min(left, LONGEST_TIMER_MS), undefined, { signal });
    if (left <= LONGEST_TIMER_MS) return;
  }
}
