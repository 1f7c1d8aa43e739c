import { describe, expect, it } from 'vitest';
import type { RestartSpec } from '../../../../dsl/spec.ts';
import { restartDelay } from '../../../../engine/supervise/restart.ts';

function delay(
  policy: RestartSpec['policy'],
  code: number | undefined,
  { attempts = 0, maxRetries = undefined as number | undefined, kind = 'service' as const } = {},
) {
  const exit = code === undefined ? undefined : { code, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
  return restartDelay({ kind, policy: { policy, maxRetries }, exit, attempts });
}

describe('a restart policy', () => {
  it.each([
    ['no', 1, undefined],
    ['no', 0, undefined],
    ['always', 0, 100],
    ['always', 1, 100],
    ['unless-stopped', 0, 100],
    ['on-failure', 0, undefined],
    ['on-failure', 1, 100],
    ['on-failure', undefined, 100],
  ] as const)('%s after exit code %s waits %s ms', (policy, code, expected) => {
    expect(delay(policy, code)).toBe(expected);
  });

  it('waits twice as long each time, up to a minute', () => {
    expect([0, 1, 2, 9, 10, 40].map((attempts) => delay('always', 1, { attempts }))).toEqual([100, 200, 400, 51_200, 60_000, 60_000]);
  });

  it('gives up after the retries of on-failure', () => {
    expect([0, 1, 2].map((attempts) => delay('on-failure', 1, { attempts, maxRetries: 2 }))).toEqual([100, 200, undefined]);
  });

  it('never runs a job again that succeeded', () => {
    expect(
      restartDelay({
        kind: 'job',
        policy: { policy: 'always', maxRetries: undefined },
        exit: { code: 0, signal: undefined, oomKilled: false, initKilled: false, error: undefined },
        attempts: 0,
      }),
    ).toBeUndefined();
  });
});
