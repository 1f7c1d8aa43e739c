import type { IssuePath } from './issues.ts';
import { readProbe } from './probe.ts';
import type { HealthcheckShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { HealthcheckSpec } from './spec.ts';
import { parseDuration } from './units.ts';

/**
 * Compose's defaults but for two. Until the first success it probes every 100 ms (Compose: 5 s), which is why failures of the first 30 s
 * don't count (Compose: 0 s): three failures, 100 ms apart, would make unhealthy what merely starts.
 */
export const HEALTHCHECK_DEFAULTS = { interval: 30_000, timeout: 30_000, startPeriod: 30_000, startInterval: 100, retries: 3 } as const;
/** Below this a probe would be all that a container does. */
const SHORTEST = 10;

/** Undefined: it is disabled, or wrong. */
export function readHealthcheck(written: HealthcheckShape, path: IssuePath, scope: Scope): HealthcheckSpec | undefined {
  const probe = written.disable === true ? 'disabled' : readProbe(written, path, scope);
  const time = (key: Exclude<keyof typeof HEALTHCHECK_DEFAULTS, 'retries'>, least: number): number => {
    const value = written[key];
    if (value === undefined) return HEALTHCHECK_DEFAULTS[key];
    const duration = parseDuration(value);
    if (duration !== undefined && duration >= least) return duration;
    scope.log.add([...path, key], value, duration === undefined ? 'must be a duration such as `1m30s`' : `must be at least ${least} ms`);
    return HEALTHCHECK_DEFAULTS[key];
  };
  const retries = written.retries ?? HEALTHCHECK_DEFAULTS.retries;
  if (!Number.isInteger(retries) || retries < 1) scope.log.add([...path, 'retries'], retries, 'must be a whole number, 1 or more');
  const spec = {
    intervalMs: time('interval', SHORTEST),
    timeoutMs: time('timeout', SHORTEST),
    retries,
    startPeriodMs: time('startPeriod', 0),
    startIntervalMs: time('startInterval', SHORTEST),
    restart: written.restart ?? true,
  };
  return probe === undefined || probe === 'disabled' ? undefined : { probe, ...spec };
}
