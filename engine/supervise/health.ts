/** What a probe answers and what is said about it; waiting until a container is healthy. */
import type { HealthcheckSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { HealthMonitor } from './health-monitor.ts';

export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Rejects when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface ProbeResult {
  /** 0 is healthy; `TIMED_OUT` took too long; `NOT_ASKED`: it could not be asked. */
  readonly code: number;
  /** The end of what it printed, or what was answered. */
  readonly output: string;
}

/** As timeout(1) has it. */
export const TIMED_OUT = 124;
export const NOT_ASKED = 125;

export interface WaitHealthyOptions {
  readonly container: string;
  readonly check: HealthcheckSpec;
  readonly monitor: HealthMonitor;
  readonly signal: AbortSignal;
}

/**
 * True when it is healthy; false if the monitor was closed before that was known. Throws `service-failed` when the monitor's patience is over,
 * and the signal's reason.
 */
export async function waitHealthy({ container, check, monitor, signal }: WaitHealthyOptions): Promise<boolean> {
  const health = await monitor.settled(signal);
  if (health === 'unhealthy') throw unhealthy(container, check, monitor.last);
  return health === 'healthy';
}

export function endedBeforeHealthy(container: string, how: string): TsstackError {
  return new TsstackError(`container \`${container}\` ${how} before it was healthy`, {
    code: 'service-failed',
    hint: `\`tsstack logs ${container}\` shows what it said`,
  });
}

/** How long after its start, ms, a container may go without having been healthy: Compose's patience, whatever the pace of probes. */
export function patienceMs({ startPeriodMs, retries, intervalMs }: HealthcheckSpec): number {
  return startPeriodMs + retries * intervalMs;
}

/** What a failed probe came to, after `with`: `exit code 1: no such table`, `HTTP status 503`, `no answer within 2000 ms`. */
export function describeFailure({ probe, timeoutMs }: HealthcheckSpec, { code, output }: ProbeResult): string {
  const said = output.trim().split('\n').at(-1) ?? '';
  const explained = (what: string) => (said === '' ? what : `${what}: ${said}`);
  if (probe.kind === 'exec') return explained(`exit code ${code}`);
  return code === TIMED_OUT && probe.kind !== 'log' ? explained(`no answer within ${timeoutMs} ms`) : said;
}

function unhealthy(container: string, check: HealthcheckSpec, last: ProbeResult | undefined): TsstackError {
  const how = last === undefined ? '' : `, last with ${describeFailure(check, last)}`;
  return new TsstackError(`container \`${container}\` is unhealthy: its probe goes on failing${how}`, {
    code: 'service-failed',
    hint:
      check.probe.kind === 'exec'
        ? `\`tsstack exec ${container} -- ${check.probe.argv.map(shellWord).join(' ')}\` runs the probe by hand`
        : `\`tsstack logs ${container}\` shows what it said`,
  });
}

/** As a shell takes it back: quoted unless it is plain. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
