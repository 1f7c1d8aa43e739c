import { afterEach, describe, expect, it } from 'vitest';
import type { HealthcheckSpec, ProbeSpec } from '../../../../dsl/spec.ts';
import type { Health } from '../../../../engine/model/container.ts';
import type { ProbeResult } from '../../../../engine/supervise/health.ts';
import { type HealthMonitor, monitorHealth } from '../../../../engine/supervise/health-monitor.ts';
import { manualClock } from '../../../support/manual-clock.ts';

const EXEC: ProbeSpec = { kind: 'exec', argv: ['probe'] };
const LOG: ProbeSpec = { kind: 'log', pattern: 'ready', flags: '' };
const CHECK: HealthcheckSpec = {
  probe: EXEC,
  intervalMs: 30_000,
  timeoutMs: 1000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 100,
  restart: true,
};
const OK: ProbeResult = { code: 0, output: '' };
const FAIL: ProbeResult = { code: 1, output: 'not yet\nstill starting\n' };

const monitors: HealthMonitor[] = [];
afterEach(() => {
  for (const monitor of monitors.splice(0)) monitor[Symbol.dispose]();
});

type Answer = ProbeResult | 'hangs' | 'throws';

/** Each probe takes 50 ms and gives the next answer; the last one goes on for ever. */
function watch(answers: readonly Answer[], { check = CHECK, adopted, onChange }: WatchOptions = {}) {
  const clock = manualClock();
  const probes: number[] = [];
  const changes: string[] = [];
  let running = 0;
  let most = 0;
  const probe = async (signal: AbortSignal): Promise<ProbeResult> => {
    const answer = answers[Math.min(probes.length, answers.length - 1)] ?? OK;
    probes.push(clock.now());
    most = Math.max(most, ++running);
    try {
      if (answer === 'throws') throw new Error('spawn ENOENT');
      if (answer === 'hangs') await untilAborted(signal);
      else await clock.sleep(50, signal);
      return answer === 'hangs' ? { code: 1, output: 'so far' } : answer;
    } finally {
      running--;
    }
  };
  const monitor = monitorHealth({
    check,
    startedAt: 0,
    ...(adopted ? { adopted } : {}),
    clock,
    probe,
    onChange: (health, detail) => {
      changes.push(`${clock.now()} ${health}${detail === undefined ? '' : `: ${detail}`}`);
      onChange?.(monitor);
    },
  });
  monitors.push(monitor);
  return { clock, monitor, probes, changes, most: () => most, running: () => running };
}

interface WatchOptions {
  readonly check?: HealthcheckSpec;
  readonly adopted?: Health;
  readonly onChange?: (monitor: HealthMonitor) => void;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

describe('the health of a container', () => {
  it('is probed at once, and then every interval', async () => {
    const { clock, monitor, probes, changes } = watch([OK]);
    expect(monitor.health).toBe('starting');
    await clock.advance(70_000);
    expect(changes).toEqual(['50 healthy']);
    expect(probes).toEqual([0, 30_050, 60_100]);
  });

  it('is probed fast until the first success, at intervals doubled up to a second', async () => {
    const { clock, probes, changes } = watch([FAIL, FAIL, FAIL, FAIL, FAIL, FAIL, OK]);
    await clock.advance(4000);
    const pauses = probes.slice(1).map((at, i) => at - (probes[i] ?? 0) - 50);
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(changes).toEqual(['3850 healthy']);
  });

  it('has patience for startPeriod and retries intervals; then it is unhealthy, and says why', async () => {
    const { clock, monitor, changes } = watch([FAIL], { check: { ...CHECK, startPeriodMs: 10_000 } });
    await clock.advance(100_000);
    expect(monitor.health).toBe('starting');
    await clock.advance(2000);
    expect(changes).toEqual([expect.stringMatching(/^10[01]\d{3} unhealthy: exit code 1: still starting$/)]);
  });

  it('turns after so many failures in a row as there are retries, and back with one success', async () => {
    const { clock, changes, probes } = watch([OK, FAIL, FAIL, OK, FAIL, FAIL, FAIL, FAIL, OK]);
    await clock.advance(300_000);
    expect(changes).toEqual(['50 healthy', `${6 * 30_050 + 50} unhealthy: exit code 1: still starting`, `${8 * 30_050 + 50} healthy`]);
    expect(probes.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => i * 30_050));
  });

  it('fails by a probe that outlives its timeout, and no second one is asked meanwhile', async () => {
    const { clock, changes, probes, most } = watch([OK, 'hangs'], { check: { ...CHECK, intervalMs: 500, retries: 2 } });
    await clock.advance(3600);
    expect(probes).toEqual([0, 550, 2050, 3550]);
    expect(changes).toEqual(['50 healthy', '3050 unhealthy: exit code 124: so far']);
    expect(most()).toBe(1);
  });

  it('fails by a probe that cannot be asked', async () => {
    const { clock, changes } = watch([OK, 'throws'], { check: { ...CHECK, intervalMs: 100, retries: 1 } });
    await clock.advance(200);
    expect(changes).toEqual(['50 healthy', '150 unhealthy: exit code 125: spawn ENOENT']);
  });

  it('rests while the container is frozen, without using up its patience, and is probed at once afterwards', async () => {
    const { clock, monitor, probes } = watch([FAIL], { check: { ...CHECK, intervalMs: 1000, retries: 1, startIntervalMs: 1000 } });
    await clock.advance(100);
    monitor.pause();
    await clock.advance(60_000);
    expect(probes).toEqual([0]);
    monitor.resume();
    await clock.advance(60);
    expect(probes).toEqual([0, 60_100]);
    expect(monitor.health).toBe('starting');
    await clock.advance(2000);
    expect(monitor.health).toBe('unhealthy');
  });

  it('ignores an answer given while the container was frozen', async () => {
    const { clock, monitor, probes, changes } = watch([FAIL, OK], { check: { ...CHECK, intervalMs: 1, retries: 1 } });
    await clock.advance(10);
    monitor.pause();
    await clock.advance(100);
    monitor.resume();
    await clock.advance(100);
    expect(probes[1]).toBe(110);
    expect(changes).toEqual(['160 healthy']);
  });

  it('is not probed if it is paused as soon as it is watched', async () => {
    const { clock, monitor, probes } = watch([OK]);
    monitor.pause();
    await clock.advance(1000);
    expect(probes).toEqual([]);
  });

  it('is adopted as it was, and told only when it changes', async () => {
    const healthy = watch([FAIL, FAIL, FAIL], { adopted: 'healthy' });
    expect(healthy.monitor.health).toBe('healthy');
    await healthy.clock.advance(60_200);
    expect(healthy.changes).toEqual(['60150 unhealthy: exit code 1: still starting']);
    const unhealthy = watch([OK], { adopted: 'unhealthy' });
    await unhealthy.clock.advance(60);
    expect(unhealthy.changes).toEqual(['50 healthy']);
  });

  it('is probed no more once it isn’t watched, even when that was decided by who was told of a change', async () => {
    const { clock, probes, running } = watch([FAIL, 'hangs'], {
      check: { ...CHECK, intervalMs: 1, retries: 1 },
      onChange: (monitor) => monitor[Symbol.dispose](),
    });
    await clock.advance(50);
    expect([clock.sleepers, running(), probes]).toEqual([0, 0, [0]]);
  });

  it('ends a probe that is under way when it isn’t watched any more', async () => {
    const { clock, monitor, running } = watch(['hangs']);
    await clock.advance(10);
    expect(running()).toBe(1);
    monitor[Symbol.dispose]();
    await clock.advance(0);
    expect([clock.sleepers, running()]).toEqual([0, 0]);
  });
});

describe('the health of a container by its log', () => {
  const check = { ...CHECK, probe: LOG, intervalMs: 1000, retries: 2, timeoutMs: 10 };

  it('is asked for once, however long the line takes, and is good for ever', async () => {
    const { clock, changes, probes } = watch([OK], { check });
    await clock.advance(100_000);
    expect([probes, changes]).toEqual([[0], ['50 healthy']]);
  });

  it('is bad when patience is over, and goes on waiting for the line', async () => {
    const { clock, changes, probes } = watch(['hangs', OK], { check });
    await clock.advance(10_000);
    expect(probes).toEqual([0, 2000]);
    expect(changes).toEqual(['2000 unhealthy: so far', '2050 healthy']);
  });

  it('needs no second look by a new supervisor', async () => {
    const { clock, probes } = watch([FAIL], { check, adopted: 'healthy' });
    await clock.advance(10_000);
    expect(probes).toEqual([]);
  });
});

describe('waiting for the health of a container', () => {
  const NEVER = new AbortController().signal;

  it('ends with what is found first', async () => {
    const good = watch([FAIL, OK]);
    expect(await good.clock.runUntil(good.monitor.settled(NEVER))).toBe('healthy');
    const bad = watch([FAIL], { check: { ...CHECK, retries: 1, intervalMs: 100 } });
    expect(await bad.clock.runUntil(bad.monitor.settled(NEVER))).toBe('unhealthy');
  });

  it('asks again what was adopted as unhealthy', async () => {
    const { clock, monitor } = watch([OK], { adopted: 'unhealthy' });
    expect(await clock.runUntil(monitor.settled(NEVER))).toBe('healthy');
  });

  it('ends without an answer when it isn’t watched any more, and with the reason when it is cut off', async () => {
    const { monitor } = watch(['hangs']);
    const stop = new AbortController();
    const cut = monitor.settled(stop.signal);
    stop.abort(new Error('Ctrl-C'));
    await expect(cut).rejects.toThrow('Ctrl-C');
    const waiting = monitor.settled(NEVER);
    monitor[Symbol.dispose]();
    expect(await waiting).toBe('starting');
  });
});
