import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { STABLE_AFTER_MS } from '../../../../engine/supervise/restart.ts';
import { LauncherRevival } from '../../../../engine/wiring/launcher-revival.ts';

let done: string[];
let broken: boolean;
let revival: LauncherRevival;
/** ms until something is done. */
const untilDone = () => {
  done = [];
  for (let ms = 0; ; ms++) {
    vi.advanceTimersByTime(ms === 0 ? 0 : 1);
    if (done.length > 0 || ms > 10_000) return ms;
  }
};

beforeEach(() => {
  vi.useFakeTimers();
  broken = false;
  done = [];
  revival = new LauncherRevival({
    begin: () => {
      if (broken) throw new Error('no launcher');
      done.push('begin');
    },
    onBegun: () => done.push('begun'),
    onError: (error) => done.push(String(error)),
  });
});
afterEach(() => {
  revival[Symbol.dispose]();
  vi.useRealTimers();
});

describe('when the launcher has gone', () => {
  it('there is another one at once, and later and later if that goes, too', () => {
    const delays = Array.from({ length: 5 }, () => {
      revival.launcherGone();
      return untilDone();
    });
    expect(delays).toEqual([0, 100, 200, 400, 500]);
    expect(done).toEqual(['begin', 'begun']);
  });

  it('after it has held for long, there is another one at once again', () => {
    revival.launcherGone();
    untilDone();
    vi.advanceTimersByTime(STABLE_AFTER_MS);
    revival.launcherGone();
    expect(untilDone()).toBe(0);
  });

  it('and none can be started, that is told and tried again', () => {
    broken = true;
    revival.launcherGone();
    expect(untilDone()).toBe(0);
    expect(done).toEqual(['Error: no launcher']);
    broken = false;
    expect(untilDone()).toBe(100);
    expect(done).toEqual(['begin', 'begun']);
  });

  it('nothing follows once it is over', () => {
    revival.launcherGone();
    revival[Symbol.dispose]();
    vi.advanceTimersByTime(10_000);
    expect(done).toEqual([]);
  });
});
