import { describe, expect, it } from 'vitest';
import type { ProbeSpec } from '../../../../dsl/spec.ts';
import { describeFailure, type ProbeResult, TIMED_OUT } from '../../../../engine/supervise/health.ts';
import { monitorHealth } from '../../../../engine/supervise/health-monitor.ts';
import { waitHealthy } from '../../../../engine/supervise/wait-healthy.ts';
import { manualClock } from '../../../support/manual-clock.ts';

const EXEC: ProbeSpec = { kind: 'exec', argv: ['probe'] };
const HTTP: ProbeSpec = { kind: 'http', port: 80, path: '/', headers: {} };
const CHECK = { probe: EXEC, intervalMs: 30_000, timeoutMs: 1000, retries: 3, startPeriodMs: 0, startIntervalMs: 100, restart: true };
const FAIL = { code: 1, output: 'not yet\nstill starting\n' };
const OK = { code: 0, output: '' };

function wait(results: readonly ProbeResult[], probe: ProbeSpec = EXEC): Promise<boolean> {
  const clock = manualClock();
  const check = { ...CHECK, probe };
  let probes = 0;
  const monitor = monitorHealth({
    check,
    startedAt: 0,
    clock,
    probe: async () => results[Math.min(probes++, results.length - 1)] ?? OK,
    onChange: () => undefined,
  });
  const done = waitHealthy({ container: 'db-1', check, monitor, signal: new AbortController().signal });
  return clock.runUntil(done).finally(() => monitor[Symbol.dispose]());
}

describe('waiting until a container is healthy', () => {
  it('ends with the first success', async () => {
    expect(await wait([FAIL, OK])).toBe(true);
  });

  it('says what the probe said when patience is over', async () => {
    await expect(wait([FAIL])).rejects.toThrow(
      'container `db-1` is unhealthy: its probe goes on failing, last with exit code 1: still starting',
    );
    await expect(wait([{ code: 1, output: 'HTTP status 503' }], HTTP)).rejects.toThrow('last with HTTP status 503');
  });

  it('offers the probe in a form that a shell takes back', async () => {
    await expect(wait([FAIL], { kind: 'exec', argv: ['sh', '-c', "test -e /it's here"] })).rejects.toMatchObject({
      hint: "`tsstack exec db-1 -- sh -c 'test -e /it'\\''s here'` runs the probe by hand",
    });
  });
});

it.each([
  [EXEC, { code: 3, output: '' }, 'exit code 3'],
  [EXEC, { code: TIMED_OUT, output: 'so far' }, 'exit code 124: so far'],
  [HTTP, { code: TIMED_OUT, output: '' }, 'no answer within 1000 ms'],
  [{ kind: 'log', pattern: 'x', flags: '' }, { code: TIMED_OUT, output: 'no line matches /x/' }, 'no line matches /x/'],
] as const)('a probe %j that failed with %j is told as `%s`', (probe, result, expected) => {
  expect(describeFailure({ ...CHECK, probe }, result)).toBe(expected);
});
