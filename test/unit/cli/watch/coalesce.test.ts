import { expect, test } from 'vitest';
import { type Coalescer, coalesce } from '../../../../cli/watch/coalesce.ts';
import { type ManualTimers, manualTimers } from './manual-timers.ts';

interface Scene {
  readonly timers: ManualTimers;
  readonly coalescer: Coalescer;
  /** When work began. */
  readonly begun: number[];
  /** Ends the work under way. */
  finish(): Promise<void>;
}

function scene({ instant = true } = {}): Scene {
  const timers = manualTimers();
  const begun: number[] = [];
  let end: () => void = () => undefined;
  const work = async () => {
    begun.push(timers.now());
    if (!instant) await new Promise<void>((resolve) => (end = resolve));
  };
  return {
    timers,
    begun,
    coalescer: coalesce({ quietMs: 20, longestMs: 100, timers, work }),
    async finish() {
      end();
      await timers.advance(0);
    },
  };
}

test('what happens together is one piece of work, begun when it is quiet', async () => {
  const { timers, coalescer, begun } = scene();
  coalescer.poke();
  await timers.advance(15);
  coalescer.poke();
  await timers.advance(15);
  expect(begun).toEqual([]);
  await timers.advance(200);
  expect(begun).toEqual([35]);
});

test('what never gets quiet is taken up all the same', async () => {
  const { timers, coalescer, begun } = scene();
  for (let at = 0; at < 250; at += 10) {
    coalescer.poke();
    await timers.advance(10);
  }
  expect(begun).toEqual([100, 200]);
});

test('what happens during the work makes one more piece, after it', async () => {
  const { timers, coalescer, begun, finish } = scene({ instant: false });
  coalescer.poke();
  await timers.advance(20);
  for (let i = 0; i < 3; i++) {
    coalescer.poke();
    await timers.advance(300);
  }
  expect(begun).toEqual([20]);
  await finish();
  await timers.advance(20);
  expect(begun).toHaveLength(2);
  await finish();
  await timers.advance(1000);
  expect(begun).toHaveLength(2);
});

test('closing it waits for the work under way, and begins no other', async () => {
  const { timers, coalescer, begun, finish } = scene({ instant: false });
  coalescer.poke();
  await timers.advance(20);
  coalescer.poke();
  let closed = false;
  const closing = coalescer[Symbol.asyncDispose]().then(() => (closed = true));
  await timers.advance(50);
  expect(closed).toBe(false);
  await finish();
  await closing;
  coalescer.poke();
  await timers.advance(1000);
  expect(begun).toEqual([20]);
});
