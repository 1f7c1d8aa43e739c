/** Waiting until a container is healthy. */
import type { HealthcheckSpec } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import { describeFailure, type ProbeResult } from './health.ts';
import type { HealthMonitor } from './health-monitor.ts';

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
