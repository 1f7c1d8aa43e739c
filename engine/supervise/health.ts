/** What a probe answers and what is said about it. */
import type { HealthcheckSpec } from '../../dsl/spec.ts';

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
