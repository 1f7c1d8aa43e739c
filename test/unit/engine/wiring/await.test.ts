import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HealthcheckSpec } from '../../../../dsl/spec.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';
import { monitorHealth } from '../../../../engine/supervise/health-monitor.ts';
import { type AwaitOptions, awaitCompleted, awaitExecutors, awaitHealthy, awaitRunning } from '../../../../engine/wiring/await.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { type WiredContainers, wiredContainers } from '../../../support/wired-containers.ts';

const CHECK: HealthcheckSpec = {
  probe: { kind: 'exec', argv: ['sh', '-c', 'test -e "$GO"'] },
  intervalMs: 10_000,
  timeoutMs: 5000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 10,
  restart: true,
};
const TRUE = { ...CHECK, probe: { kind: 'exec', argv: ['true'] } } as const;
const FALSE = { ...CHECK, probe: { kind: 'exec', argv: ['sh', '-c', 'echo no such table; exit 4'] } } as const;

let containers: WiredContainers;
let events: EngineEvent[];
let stop: AbortController;
beforeEach(() => {
  containers = wiredContainers();
  events = [];
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  containers[Symbol.dispose]();
});
const options = (parts: Partial<AwaitOptions> = {}): AwaitOptions => ({
  signal: stop.signal,
  onEvent: (event) => events.push(event),
  ...parts,
});
/** A restart that follows as soon as it is asked whether there will be one, as long as `times` lasts. */
const restarting = (then: () => void, times = 1) => {
  let left = times;
  return options({
    willRestart: () => {
      if (left-- <= 0) return false;
      setImmediate(then);
      return true;
    },
  });
};

describe('waiting until a container is healthy', () => {
  it('probes it if nobody else does', async () => {
    containers.make('web-1', { healthcheck: TRUE });
    containers.running('web-1');
    await awaitHealthy(containers.session, 'web-1', options());
  });

  it('says what the probe said when patience is over', async () => {
    containers.make('web-1', { healthcheck: { ...FALSE, intervalMs: 20, retries: 1 } });
    containers.running('web-1');
    await expect(awaitHealthy(containers.session, 'web-1', options())).rejects.toThrow(
      'container `web-1` is unhealthy: its probe goes on failing, last with exit code 4: no such table',
    );
  });

  it('takes the word of the monitor that watches it anyway', async () => {
    containers.make('web-1', { healthcheck: FALSE });
    containers.running('web-1');
    using monitor = monitorHealth({
      check: FALSE,
      startedAt: 0,
      adopted: 'healthy',
      clock: manualClock(),
      probe: () => new Promise(() => undefined),
      onChange: () => undefined,
    });
    await awaitHealthy(containers.session, 'web-1', options({ monitorOf: () => monitor }));
  });

  it('goes on by itself when that monitor is closed', async () => {
    const check = { ...FALSE, intervalMs: 20, retries: 1 };
    containers.make('web-1', { healthcheck: check });
    containers.running('web-1');
    const monitor = monitorHealth({
      check,
      startedAt: 0,
      clock: manualClock(),
      probe: () => new Promise(() => undefined),
      onChange: () => undefined,
    });
    const done = awaitHealthy(containers.session, 'web-1', options({ monitorOf: () => monitor }));
    monitor[Symbol.dispose]();
    await expect(done).rejects.toThrow('last with exit code 4: no such table');
  });

  it('ends with the container, and tells how it ended', async () => {
    containers.make('web-1', { healthcheck: { ...FALSE, startPeriodMs: 60_000 } });
    containers.running('web-1');
    const done = awaitHealthy(containers.session, 'web-1', options());
    containers.ended('web-1', 3);
    await expect(done).rejects.toThrow('container `web-1` exited with code 3 before it was healthy');
    expect(events).toMatchObject([{ type: 'container.exited', container: 'web-1', code: 3 }]);
  });

  it('goes on through a restart, which is told by who restarts', async () => {
    containers.make('web-1', { healthcheck: { ...FALSE, startPeriodMs: 60_000 } });
    containers.running('web-1');
    const done = awaitHealthy(
      containers.session,
      'web-1',
      restarting(() => {
        containers.make('web-1', { healthcheck: TRUE });
        containers.running('web-1', Date.now() + 5);
      }),
    );
    containers.ended('web-1', 3);
    await done;
    expect(events).toEqual([]);
  });

  it('goes on through a restart that was over before anybody looked, until there is none any more', async () => {
    containers.make('web-1', { healthcheck: { ...FALSE, startPeriodMs: 60_000 } });
    containers.ended('web-1', 3, 1000);
    let runs = 1;
    const again = () => containers.ended('web-1', 4, 1000 * ++runs);
    await expect(awaitHealthy(containers.session, 'web-1', restarting(again, 2))).rejects.toThrow(
      'exited with code 4 before it was healthy',
    );
    expect(runs).toBe(3);
  });

  it('has patience for a restart, but no more than for its health', async () => {
    containers.make('web-1', { healthcheck: { ...FALSE, intervalMs: 10, retries: 1 } });
    containers.ended('web-1', 3);
    await expect(
      awaitHealthy(
        containers.session,
        'web-1',
        restarting(() => undefined),
      ),
    ).rejects.toThrow('exited with code 3');
  });

  it('is refused for one without a healthcheck, and one that is not there', async () => {
    containers.make('web-1');
    await expect(awaitHealthy(containers.session, 'web-1', options())).rejects.toMatchObject({ code: 'invalid-stack-file' });
    await expect(awaitHealthy(containers.session, 'db-1', options())).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('waiting until a container has completed', () => {
  it('ends with its success', async () => {
    containers.make('job-1', { kind: 'job' });
    containers.running('job-1');
    const done = awaitCompleted(containers.session, 'job-1', options());
    containers.ended('job-1', 0);
    await done;
    expect(events).toMatchObject([{ type: 'container.exited', code: 0 }]);
  });

  it('ends with its failure, unless it is run again', async () => {
    containers.make('job-1', { kind: 'job' });
    containers.ended('job-1', 2);
    await expect(awaitCompleted(containers.session, 'job-1', options())).rejects.toThrow('job `job-1` exited with code 2');
    await awaitCompleted(
      containers.session,
      'job-1',
      restarting(() => containers.ended('job-1', 0, 5)),
    );
  });

  it('fails when the container is deleted while it is to be run again', async () => {
    containers.make('job-1', { kind: 'job' });
    containers.ended('job-1', 2);
    const done = awaitCompleted(
      containers.session,
      'job-1',
      restarting(() => containers.remove('job-1')),
    );
    await expect(done).rejects.toMatchObject({ code: 'not-found' });
  });

  it('goes on when the container is deleted and made anew at once', async () => {
    containers.make('job-1', { kind: 'job' });
    containers.ended('job-1', 2);
    const done = awaitCompleted(
      containers.session,
      'job-1',
      restarting(() => {
        containers.remove('job-1');
        containers.make('job-1', { kind: 'job' });
        setImmediate(() => containers.ended('job-1', 0, 5));
      }),
    );
    await done;
  });

  it('ends when it is cut off', async () => {
    containers.make('job-1', { kind: 'job' });
    containers.ended('job-1', 2);
    const done = awaitCompleted(
      containers.session,
      'job-1',
      restarting(() => stop.abort(new Error('Ctrl-C'))),
    );
    await expect(done).rejects.toThrow('Ctrl-C');
  });
});

describe('waiting until a container runs', () => {
  it('needs no time for one that has run for a while', async () => {
    containers.make('web-1');
    containers.running('web-1', Date.now() - 1000);
    await awaitRunning(containers.session, 'web-1', options());
  });

  it('fails if it ends in its first moments, unless it is started again', async () => {
    containers.make('web-1');
    containers.running('web-1');
    const failing = awaitRunning(containers.session, 'web-1', options());
    containers.ended('web-1', 1);
    await expect(failing).rejects.toThrow('service `web-1` exited with code 1');
    await awaitRunning(
      containers.session,
      'web-1',
      restarting(() => containers.running('web-1')),
    );
  });
});

it('each condition of a plan has its way of waiting', async () => {
  containers.make('web-1', { healthcheck: TRUE });
  containers.running('web-1', Date.now() - 1000);
  const execute = awaitExecutors(containers.session, (event) => events.push(event))['container.await'];
  for (const until of ['running', 'healthy'] as const) await execute({ kind: 'container.await', name: 'web-1', until }, stop.signal);
  containers.ended('web-1', 0);
  await execute({ kind: 'container.await', name: 'web-1', until: 'completed' }, stop.signal);
});
