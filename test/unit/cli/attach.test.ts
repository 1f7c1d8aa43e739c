import { describe, expect, test } from 'vitest';
import { isCancellation } from '../../../cli/cancellation.ts';
import type { Engine } from '../../../engine/model/engine.ts';
import { lines, listing, NOW, planOf, session } from './support/session.ts';

const up = async () => ({ plan: planOf(), durationMs: 1 });
const ps = async () => [listing('web-1')];
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Ends when the signal comes, after what was written by then, as the engine's does. */
const logs: Engine['logs'] = async function* ({ signal, since }) {
  yield* lines(`web-1 since ${(since ?? 0) - NOW}`);
  await aborted(signal);
  yield* lines('web-1 last words');
};
const ended = (code: number) =>
  ({ state: 'stopped', exit: { code, signal: undefined, oomKilled: false, initKilled: false, error: undefined } }) as const;

describe('an attached up', () => {
  test('shows output from its start to the last line, and ends when everything has', async () => {
    const s = session({ up, ps, logs, untilStopped: async () => [listing('web-1', ended(0))] });
    expect(await s.run('up')).toBe(0);
    expect(s.out()).toBe('web-1  | since 0\nweb-1  | last words\n');
    expect(s.calls).toEqual(['up', 'ps', 'logs', 'untilStopped', 'dispose']);
  });

  test('tells which container failed for good', async () => {
    const untilStopped = async () => [listing('web-1', ended(0)), listing('api-1', ended(3)), listing('api-2', { state: 'stopped' })];
    const s = session({ up, ps, logs, untilStopped });
    await expect(s.run('up')).rejects.toMatchObject({
      code: 'service-failed',
      message: 'stack `shop` has ended with failures: `api-1` exited with code 3, `api-2` ended, nobody saw how',
    });
  });

  test('tells exits and restarts as they happen', async () => {
    const s = session({
      up,
      ps,
      logs,
      async untilStopped({ onEvent }) {
        onEvent({ type: 'container.exited', at: 0, container: 'web-1', code: 137, signal: 9, oomKilled: true });
        onEvent({ type: 'container.restarting', at: 0, container: 'web-1', delayMs: 100, attempt: 2 });
        return [];
      },
    });
    await s.run('up');
    expect(s.err()).toContain('web-1 was killed: it ran out of memory\nweb-1 restarts in 0.10 s (attempt 2)\n');
  });

  test('does not tell again that a job completed before', async () => {
    const s = session({
      up,
      ps: async () => [listing('seed-1', ended(0)), listing('late-1')],
      logs,
      async untilStopped({ onEvent }) {
        for (const container of ['seed-1', 'late-1']) {
          onEvent({ type: 'container.exited', at: 0, container, code: 0, signal: undefined, oomKilled: false });
        }
        return [];
      },
    });
    await s.run('up');
    expect(s.err()).toBe('up to date: nothing to change\nlate-1 exited with code 0\n');
  });

  test('stops the stack at Ctrl-C, hurries at the second, and gives up at the third', async () => {
    const s: ReturnType<typeof session> = session({
      up,
      ps,
      logs,
      async untilStopped({ signal }) {
        s.interrupt('SIGINT');
        await aborted(signal);
        return [listing('web-1')];
      },
      async stop({ hurry }) {
        expect(hurry?.aborted).toBe(false);
        s.interrupt('SIGINT');
        expect(hurry?.aborted).toBe(true);
        expect(s.exits).toEqual([]);
        s.interrupt('SIGINT');
      },
    });
    expect(await s.run('up')).toBe(130);
    expect(s.exits).toEqual([130]);
    expect(s.calls).toEqual(['up', 'ps', 'logs', 'untilStopped', 'stop', 'dispose']);
    expect(s.out()).toContain('last words');
  });

  test('stops the stack when nobody reads its output any more', async () => {
    const s: ReturnType<typeof session> = session({
      up,
      ps,
      logs,
      async untilStopped({ signal }) {
        s.closeOut();
        await aborted(signal);
        return [];
      },
      stop: async () => {},
    });
    expect(await s.run('up')).toBe(0);
    expect(s.calls).toContain('stop');
  });

  test('interrupted while starting stops what it had started', async () => {
    const s: ReturnType<typeof session> = session({
      async up() {
        s.interrupt('SIGINT');
        throw new Error('cancelled');
      },
      stop: async () => {},
    });
    await expect(s.run('up')).rejects.toThrow('cancelled');
    expect(s.calls).toEqual(['up', 'stop', 'dispose']);
  });

  test('goes on if its output cannot be shown, and says so at the end', async () => {
    const s = session({
      up,
      ps,
      // biome-ignore lint/correctness/useYield: it fails before its first line.
      async *logs() {
        throw new Error('disk full');
      },
      untilStopped: async () => [],
    });
    expect(await s.run('up')).toBe(0);
    expect(s.err()).toContain('disk full');
  });
});

test('what an interrupt aborts with is a cancellation, whoever throws it', async () => {
  const s: ReturnType<typeof session> = session({
    async up(_spec, { signal }) {
      s.interrupt('SIGINT');
      signal.throwIfAborted();
      return { plan: planOf(), durationMs: 1 };
    },
  });
  const error = await s.run('up', '-d').catch((thrown: unknown) => thrown);
  expect(isCancellation(error)).toBe(true);
});

test('a detached up interrupted leaves what it has started to the next one', async () => {
  const s: ReturnType<typeof session> = session({
    async up() {
      s.interrupt('SIGINT');
      throw new Error('cancelled');
    },
  });
  await expect(s.run('up', '-d')).rejects.toThrow('cancelled');
  expect(s.calls).toEqual(['up', 'dispose']);
});
