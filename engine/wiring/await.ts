/** Waiting for a condition of a container while a plan runs: healthy, or completed. */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeExecOptions } from '../codec/exec-options.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { Executors } from '../model/plan.ts';
import { type Clock, type ProbeResult, waitHealthy } from '../supervise/health.ts';
import type { Session } from './session.ts';

export const SYSTEM_CLOCK: Clock = { now: () => Date.now(), sleep: (ms, signal) => delay(ms, undefined, { signal }) };

const RUNNING_AFTER_MS = 200;
/** Of a probe's output, what is kept to explain a failure. Bytes. */
const OUTPUT_KEPT = 4096;

/** `onEvent` is told how a container ended that was waited for. */
export function awaitExecutors(session: Session, onEvent: OnEvent): Pick<Executors, 'container.await'> {
  return {
    'container.await': ({ name, until }, signal) =>
      until === 'healthy' ? awaitHealthy(session, name, { signal, onEvent }) : awaitCompleted(session, name, { signal, onEvent }),
  };
}

export interface AwaitOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
}

export async function awaitHealthy(session: Session, name: string, { signal, onEvent }: AwaitOptions): Promise<void> {
  const { record, status } = readContainer(session, name);
  if (!record.healthcheck)
    throw new TsstackError(`cannot wait until \`${name}\` is healthy: it has no healthcheck`, { code: 'invalid-stack-file' });
  const { healthcheck: check } = record;
  await waitHealthy({
    container: name,
    check,
    startedAt: status.startedAt ?? Date.now(),
    clock: SYSTEM_CLOCK,
    probe: (abort) => probe(session, { record, status, signal: abort }),
    ended: untilEnded(session, name, signal).then((end) => {
      tellEnd(name, end, onEvent);
      return describeEnd(end);
    }),
    signal,
  });
}

export async function awaitCompleted(session: Session, name: string, { signal, onEvent }: AwaitOptions): Promise<void> {
  const { record } = readContainer(session, name);
  const status = await untilEnded(session, name, signal);
  tellEnd(name, status, onEvent);
  if (status.exit?.code === 0) return;
  throw new TsstackError(`${record.kind} \`${name}\` ${describeEnd(status)}`, {
    code: 'service-failed',
    hint: `\`tsstack logs ${record.service}\` shows what it said`,
  });
}

/**
 * A service without a healthcheck counts as running when it has survived its first moments: one that cannot find its
 * configuration ends within them.
 */
export async function awaitRunning(session: Session, name: string, { signal, onEvent }: AwaitOptions): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const survived = SYSTEM_CLOCK.sleep(RUNNING_AFTER_MS, either).then(() => undefined);
  const ended = untilEnded(session, name, either);
  try {
    const end = await Promise.race([survived, ended]);
    if (!end) return;
    tellEnd(name, end, onEvent);
    throw new TsstackError(`service \`${name}\` ${describeEnd(end)}`, {
      code: 'service-failed',
      hint: `\`tsstack logs ${name}\` shows what it said`,
    });
  } finally {
    over.abort();
    // Whichever lost the race rejects with that abort.
    await Promise.allSettled([survived, ended]);
  }
}

function tellEnd(container: string, { exit }: ContainerStatus, onEvent: OnEvent): void {
  if (exit) onEvent({ type: 'container.exited', at: SYSTEM_CLOCK.now(), container, ...exit });
}

/** Resolves with the status the monitor left. */
export async function untilEnded(session: Session, name: string, signal: AbortSignal): Promise<ContainerStatus> {
  const { monitor } = readContainer(session, name).status;
  if (monitor) await session.launcher.waitExit(monitor, signal);
  return readContainer(session, name).status;
}

export function describeEnd({ exit }: ContainerStatus): string {
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

/** Runs the probe in the container. Its exit code is the answer; 124 when it took longer than `timeout`. */
function probe(session: Session, { record, status, signal }: Container & { signal: AbortSignal }): Promise<ProbeResult> {
  const { init } = status;
  const check = record.healthcheck;
  if (!init || check?.probe.kind !== 'exec') return Promise.resolve({ code: 125, output: 'it does not run' });
  const args = encodeExecOptions(record, init, { argv: check.probe.argv, tty: false, interactive: false, timeoutMs: check.timeoutMs });
  return new Promise((resolve, reject) => {
    const child = spawn(session.launcherBinary, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGTERM' });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 125, output }));
  });
}
