import { expect, it } from 'vitest';
import { afterRepair, NO_REPAIR_FAILED } from '../../../../engine/supervise/backoff.ts';

it('a repair that fails is tried again after 100 ms, then twice as long each time, up to 30 s', () => {
  let backoff = NO_REPAIR_FAILED;
  const delays = Array.from({ length: 12 }, () => {
    backoff = afterRepair(backoff, 'failed');
    return backoff.retryInMs;
  });
  expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  expect(backoff.failures).toBe(12);
});

it('a repair that works makes the next failure the first', () => {
  const failed = afterRepair(afterRepair(NO_REPAIR_FAILED, 'failed'), 'failed');
  expect(afterRepair(afterRepair(failed, 'repaired'), 'failed')).toEqual({ failures: 1, retryInMs: 100 });
});
