/** What `up` does while it is attached: restarts containers by their policy. The resident supervisor will take its place. */
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import type { ContainerStatus } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import { restartDelay, STABLE_AFTER_MS } from '../supervise/restart.ts';
import { SYSTEM_CLOCK, untilEnded } from './await.ts';
import type { Session } from './session.ts';

export interface SuperviseOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** Reconciles one container. */
  readonly restart: (container: string) => Promise<void>;
}

/** Resolves when every container has stopped for good, or at the signal. */
export async function superviseContainers(session: Session, names: readonly string[], options: SuperviseOptions): Promise<void> {
  // One repair at a time: each takes the stack's lock.
  let queue: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = queue.then(work);
    queue = done.catch(() => undefined);
    return done;
  };
  await Promise.all(
    names.map((name) => superviseOne(session, name, { ...options, restart: (container) => inTurn(() => options.restart(container)) })),
  );
}

async function superviseOne(session: Session, name: string, { signal, onEvent, restart }: SuperviseOptions): Promise<void> {
  let attempts = 0;
  while (!signal.aborted) {
    const status = await endOf(session, name, signal);
    const record = readRecord(`${session.paths.containers}/${name}`);
    // Gone, or being made (then there is no monitor to wait for): another command has it now, or a run that was cut off had.
    if (!status || !record || signal.aborted || (status.monitor === undefined && status.state !== 'stopped')) return;
    // Running again.
    if (status.state !== 'stopped') continue;
    if (status.exit) onEvent({ type: 'container.exited', at: SYSTEM_CLOCK.now(), container: name, ...status.exit });
    if (ranLong(status)) attempts = 0;
    const delayMs = restartDelay({ kind: record.kind, policy: record.restart, exit: status.exit, attempts });
    if (delayMs === undefined) return;
    attempts++;
    onEvent({ type: 'container.restarting', at: SYSTEM_CLOCK.now(), container: name, delayMs, attempt: attempts });
    await SYSTEM_CLOCK.sleep(delayMs, signal).catch(() => undefined);
    if (!signal.aborted) await tryRestart(name, { restart, onEvent });
  }
}

/** Whether it is there and has stopped. */
export function hasEnded({ paths, bootId }: Session, name: string): boolean {
  const directory = `${paths.containers}/${name}`;
  return readRecord(directory) !== undefined && readContainerStatus(directory, bootId).state === 'stopped';
}

/** A restart that fails is told and counts as one more attempt: the loop finds the container stopped and waits longer. */
async function tryRestart(name: string, { restart, onEvent }: Pick<SuperviseOptions, 'restart' | 'onEvent'>): Promise<void> {
  try {
    await restart(name);
  } catch (error) {
    if (!(error instanceof TsstackError)) throw error;
    onEvent({ type: 'notice', at: SYSTEM_CLOCK.now(), message: `cannot restart \`${name}\`: ${error.message}` });
  }
}

async function endOf(session: Session, name: string, signal: AbortSignal): Promise<ContainerStatus | undefined> {
  try {
    return await untilEnded(session, name, signal);
  } catch (error) {
    if (signal.aborted || (error instanceof TsstackError && error.code === 'not-found')) return undefined;
    throw error;
  }
}

function ranLong({ startedAt, finishedAt }: ContainerStatus): boolean {
  return startedAt !== undefined && finishedAt !== undefined && finishedAt - startedAt >= STABLE_AFTER_MS;
}
