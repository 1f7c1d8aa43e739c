import { expect, test } from 'vitest';
import { LentTurn, Turns } from '../../../../engine/wiring/turns.ts';

const NEVER = new AbortController().signal;
const aRound = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
const opened = () => {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
};

/** Names whoever has the turn, in order. */
function taking(turns: Turns, log: string[], name: string, signal?: AbortSignal) {
  return turns.take(signal).then((turn) => {
    log.push(name);
    return turn;
  });
}

test('turns come in the order of asking, one at a time', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const [first, second] = [taking(turns, log, 'first'), taking(turns, log, 'second')];
  const turn = await first;
  await aRound();
  expect(log).toEqual(['first']);
  turn[Symbol.dispose]();
  await second;
  expect(log).toEqual(['first', 'second']);
});

test('who waits no longer is told so at once, and does not keep those after it waiting', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const turn = await taking(turns, log, 'first');
  const leave = new AbortController();
  const second = taking(turns, log, 'second', leave.signal);
  const third = taking(turns, log, 'third');
  leave.abort(new Error('no longer'));
  await expect(second).rejects.toThrow('no longer');
  await aRound();
  expect(log, 'the first one still has it').toEqual(['first']);
  turn[Symbol.dispose]();
  await third;
  expect(log).toEqual(['first', 'third']);
});

test('a turn is lent while every step that runs waits, and is back when the wait is over', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const lent = opened();
  using turn = await LentTurn.take(turns, { signal: NEVER, onLent: lent.open });
  const over = opened();
  turn.stepStarted();
  const waiting = turn.during(() => over.promise).then(() => log.push('waited'));
  await lent.promise;
  const repair = await taking(turns, log, 'repair');
  over.open();
  await aRound();
  expect(log, 'the repair has not ended').toEqual(['repair']);
  repair[Symbol.dispose]();
  await waiting;
  const next = taking(turns, log, 'next');
  await aRound();
  expect(log, 'it is ours again').toEqual(['repair', 'waited']);
  turn.stepEnded();
  turn[Symbol.dispose]();
  await next;
});

test('a turn is not lent while one step works beside another that waits', async () => {
  const turns = new Turns();
  const log: string[] = [];
  let lent = 0;
  using turn = await LentTurn.take(turns, { signal: NEVER, onLent: () => lent++ });
  const over = opened();
  turn.stepStarted();
  turn.stepStarted();
  const waiting = turn.during(() => over.promise);
  const repair = taking(turns, log, 'repair');
  await aRound();
  expect([log, lent]).toEqual([[], 0]);
  turn.stepEnded();
  (await repair)[Symbol.dispose]();
  expect(lent).toBe(1);
  over.open();
  await waiting;
});

test('a plan that is given up while its turn is lent takes no turn with it', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const lent = opened();
  const turn = await LentTurn.take(turns, { signal: NEVER, onLent: lent.open });
  const over = opened();
  turn.stepStarted();
  const waiting = turn.during(() => over.promise);
  await lent.promise;
  const repair = await taking(turns, log, 'repair');
  over.open();
  await aRound();
  turn[Symbol.dispose]();
  repair[Symbol.dispose]();
  await waiting;
  (await taking(turns, log, 'next'))[Symbol.dispose]();
  expect(log).toEqual(['repair', 'next']);
});
