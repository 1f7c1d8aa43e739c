import { describe, expect, it } from 'vitest';
import { type Clock, type ProbeResult, waitHealthy } from '../../../../engine/supervise/health.ts';

const CHECK = { argv: ['probe'], intervalMs: 30_000, timeoutMs: 1000, retries: 3, startPeriodMs: 0, startIntervalMs: 100 };

/** A clock that jumps: sleeping costs no time and is written down. */
function scriptedClock(): Clock & { readonly slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

function run(results: readonly ProbeResult[], { check = CHECK, ended = new Promise<string>(() => undefined) } = {}) {
  const clock = scriptedClock();
  let probes = 0;
  const probe = async (): Promise<ProbeResult> => results[Math.min(probes++, results.length - 1)] ?? { code: 0, output: '' };
  const done = waitHealthy({ container: 'db-1', check, startedAt: 0, clock, probe, ended, signal: new AbortController().signal });
  return { clock, done, probes: () => probes };
}

const FAIL = { code: 1, output: 'not yet\nstill starting\n' };
const OK = { code: 0, output: '' };

describe('waiting until a container is healthy', () => {
  it('probes at once and needs no sleep when the first probe succeeds', async () => {
    const { clock, done, probes } = run([OK]);
    await done;
    expect([probes(), clock.slept]).toEqual([1, []]);
  });

  it('probes fast until the first success, doubling up to a second', async () => {
    const { clock, done } = run([FAIL, FAIL, FAIL, FAIL, FAIL, FAIL, OK]);
    await done;
    expect(clock.slept).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('has the patience of startPeriod and retries intervals, and says what the probe said', async () => {
    const { clock, done } = run([FAIL], { check: { ...CHECK, startPeriodMs: 10_000 } });
    await expect(done).rejects.toThrow('container `db-1` is unhealthy: its probe goes on failing, last with exit code 1: still starting');
    expect(clock.now()).toBeGreaterThanOrEqual(100_000);
    expect(clock.now()).toBeLessThan(102_000);
  });

  it('ends at once when the container does', async () => {
    const { done } = run([FAIL], { ended: Promise.resolve('exited with code 3') });
    await expect(done).rejects.toThrow('container `db-1` exited with code 3 before it was healthy');
  });

  it('offers the probe in a form that a shell takes back', async () => {
    const { done } = run([FAIL], { check: { ...CHECK, argv: ['sh', '-c', "test -e /it's here"] } });
    await expect(done).rejects.toMatchObject({ hint: "`tsstack exec db-1 -- sh -c 'test -e /it'\\''s here'` runs the probe by hand" });
  });
});
