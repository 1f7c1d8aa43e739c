import { describe, expect, it } from 'vitest';
import type { ContainerExit } from '../../../../engine/model/container.ts';
import { type EndedRun, trackRestarts } from '../../../../engine/supervise/restarts.ts';

const FAILED: ContainerExit = { code: 1, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
const KILLED: ContainerExit = { ...FAILED, code: 137, signal: 9, initKilled: true };

function run(parts: Partial<EndedRun> & { readonly ranMs?: number } = {}): EndedRun {
  const { ranMs = 50, ...rest } = parts;
  return {
    kind: 'service',
    policy: { policy: 'always', maxRetries: undefined },
    exit: FAILED,
    startedAt: 1000,
    finishedAt: 1000 + ranMs,
    at: 1000 + ranMs,
    ...rest,
  };
}
const onFailure = (maxRetries: number) => ({ policy: { policy: 'on-failure', maxRetries } }) as const;

describe('restarts of a container', () => {
  it('are each twice as far apart, and counted', () => {
    const restarts = trackRestarts();
    expect([1, 2, 3].map(() => restarts.ended('web-1', run()))).toEqual([
      { delayMs: 100, attempt: 1 },
      { delayMs: 200, attempt: 2 },
      { delayMs: 400, attempt: 3 },
    ]);
    expect([restarts.count('web-1'), restarts.count('web-2')]).toEqual([3, 0]);
  });

  it('begin anew after a stable run, but for the count', () => {
    const restarts = trackRestarts();
    restarts.ended('web-1', run());
    restarts.ended('web-1', run());
    expect(restarts.ended('web-1', run({ ranMs: 9_999 }))?.attempt).toBe(3);
    expect(restarts.ended('web-1', run({ ranMs: 10_000 }))).toEqual({ delayMs: 100, attempt: 1 });
    expect(restarts.count('web-1')).toBe(4);
  });

  it('end with the retries of on-failure, and with policy `no` at once', () => {
    const restarts = trackRestarts();
    expect([1, 2, 3].map(() => restarts.ended('web-1', run(onFailure(2)))?.attempt)).toEqual([1, 2, undefined]);
    expect(restarts.count('web-1')).toBe(2);
    expect(restarts.ended('web-2', run({ policy: { policy: 'no', maxRetries: undefined } }))).toBeUndefined();
  });

  it.each([
    ['init was killed by somebody else', KILLED],
    ['end nobody saw', undefined],
  ])('are at once, whatever the policy, of one whose %s', (_, exit) => {
    const restarts = trackRestarts();
    expect(restarts.ended('web-1', run({ exit, policy: { policy: 'no', maxRetries: undefined } }))).toEqual({ delayMs: 0, attempt: 1 });
    const other = trackRestarts();
    other.ended('web-1', run({ exit, ...onFailure(1) }));
    expect(other.ended('web-1', run(onFailure(1))), 'it does not count against the retries').toEqual({ delayMs: 100, attempt: 1 });
  });

  it('back off when somebody goes on killing it, until a stable run', () => {
    const restarts = trackRestarts();
    const killed = { exit: KILLED, startedAt: 0, finishedAt: undefined };
    expect([1, 2, 3].map(() => restarts.ended('web-1', run({ ...killed, at: 5 }))?.delayMs)).toEqual([0, 100, 200]);
    expect(restarts.ended('web-1', run({ ...killed, at: 10_000 }))?.delayMs).toBe(0);
  });

  it('for ill health back off with those for failures, and never end', () => {
    const restarts = trackRestarts();
    restarts.ended('web-1', run(onFailure(1)));
    expect([1, 2, 3].map((at) => restarts.unhealthy('web-1', at))).toEqual([
      { delayMs: 200, attempt: 2 },
      { delayMs: 400, attempt: 3 },
      { delayMs: 800, attempt: 4 },
    ]);
  });

  it('for ill health begin anew only after it was healthy for a while, however long it ran', () => {
    const restarts = trackRestarts();
    restarts.unhealthy('web-1', 100_000);
    restarts.healthy('web-1', 110_000);
    expect(restarts.unhealthy('web-1', 111_000).attempt).toBe(2);
    expect(restarts.unhealthy('web-1', 200_000).attempt, 'not healthy since').toBe(3);
    restarts.healthy('web-1', 300_000);
    expect(restarts.unhealthy('web-1', 310_000).attempt).toBe(1);
  });

  it('are forgotten on request', () => {
    const restarts = trackRestarts();
    restarts.ended('web-1', run());
    restarts.forget('web-1');
    expect([restarts.count('web-1'), restarts.ended('web-1', run())?.attempt]).toEqual([0, 1]);
  });

  it('are known to the next supervisor', () => {
    const before = trackRestarts();
    before.ended('web-1', run());
    before.ended('web-1', run({ exit: KILLED }));
    before.healthy('db-1', 5);
    const after = trackRestarts(JSON.parse(JSON.stringify(before.snapshot())));
    expect(after.snapshot()).toEqual(before.snapshot());
    expect([after.count('web-1'), after.ended('web-1', run({ ranMs: 60 }))?.attempt]).toEqual([2, 2]);
  });

  it('count an end once, though the supervisor that has seen it was cut off before it restarted anything', () => {
    const before = trackRestarts();
    before.ended('web-1', run({ ...onFailure(2), ranMs: 40 }));
    const decided = before.ended('web-1', run({ ...onFailure(2), ranMs: 50 }));
    const after = trackRestarts(JSON.parse(JSON.stringify(before.snapshot())));
    expect(after.ended('web-1', run({ ...onFailure(2), ranMs: 50 }))).toEqual(decided);
    expect(after.snapshot()).toEqual(before.snapshot());
    expect(after.ended('web-1', run({ ...onFailure(2), ranMs: 50 })), 'another run of the same length').toBeUndefined();
  });
});
