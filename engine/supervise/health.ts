/** Health of a container: probes it until it is healthy, has failed too often, or ends. The clock is passed in. */
import type { HealthcheckSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';

export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Rejects when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ProbeResult {
  /** 0 is healthy; 124 took too long. */
  readonly code: number;
  /** The end of what it printed. */
  readonly output: string;
}

export interface HealthOptions {
  readonly container: string;
  readonly check: HealthcheckSpec;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly probe: (signal: AbortSignal) => Promise<ProbeResult>;
  /** Resolves when the container has ended. */
  readonly ended: Promise<string>;
  readonly signal: AbortSignal;
}

/** Between probes until the first success: doubled from `startInterval` up to this, and never above `interval`. */
const MAX_START_INTERVAL_MS = 1000;

/**
 * First probe at once, then fast until the first success. The patience is Compose's (`startPeriod`, then `retries` failures an
 * `interval` apart), the speed is not: a service that is ready after 80 ms is found healthy after 100, not after an interval.
 * Throws `service-failed` when that time is over or the container ends before it was healthy.
 */
export async function waitHealthy(options: HealthOptions): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const ended = options.ended.then((how) => {
    throw new TsstackError(`container \`${options.container}\` ${how} before it was healthy`, {
      code: 'service-failed',
      hint: `\`tsstack logs ${options.container}\` shows what it said`,
    });
  });
  try {
    await Promise.race([ended, probeUntilHealthy(options, signal)]);
  } finally {
    stop.abort();
    ended.catch(() => undefined);
  }
}

async function probeUntilHealthy({ container, check, startedAt, clock, probe }: HealthOptions, signal: AbortSignal): Promise<void> {
  const deadline = startedAt + check.startPeriodMs + check.retries * check.intervalMs;
  let pause = check.startIntervalMs;
  for (;;) {
    signal.throwIfAborted();
    const result = await probe(signal);
    if (result.code === 0) return;
    if (clock.now() >= deadline) throw unhealthy(container, check, result);
    await clock.sleep(pause, signal);
    pause = Math.min(pause * 2, check.intervalMs, Math.max(MAX_START_INTERVAL_MS, check.startIntervalMs));
  }
}

function unhealthy(container: string, check: HealthcheckSpec, { code, output }: ProbeResult): TsstackError {
  const said = output.trim() === '' ? '' : `: ${output.trim().split('\n').at(-1)}`;
  return new TsstackError(`container \`${container}\` is unhealthy: its probe goes on failing, last with exit code ${code}${said}`, {
    code: 'service-failed',
    hint: `\`tsstack exec ${container} -- ${check.probe.kind === 'exec' ? check.probe.argv.map(shellWord).join(' ') : ''}\` runs the probe by hand`,
  });
}

/** As a shell takes it back: quoted unless it is plain. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
