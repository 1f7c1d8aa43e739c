import { describe, expect, it } from 'vitest';
import { apply } from '../../../../engine/apply/apply.ts';
import { TsstackError } from '../../../../engine/model/errors.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';
import type { Executors, Op, Plan, Step } from '../../../../engine/model/plan.ts';

type Perform = (path: string, signal: AbortSignal) => Promise<void>;

/** Every op of these plans is a `file.delete` whose path says what the test wants of it. */
function executors(perform: Perform): Executors {
  const refuse = () => Promise.reject(new Error('not in this plan'));
  return new Proxy({} as Executors, {
    get: (_target, kind) => (kind === 'file.delete' ? (op: { path: string }, signal: AbortSignal) => perform(op.path, signal) : refuse),
  });
}

function planOf(steps: Readonly<Record<string, readonly number[]>>): Plan {
  return {
    stack: 'shop',
    steps: Object.entries(steps).map(
      ([path, dependsOn], i): Step => ({
        id: i + 1,
        resource: `file:shop/${path}`,
        op: { kind: 'file.delete', path } as Op,
        cause: 'test',
        dependsOn,
      }),
    ),
    notices: [],
    confirmations: [],
    obstacles: [],
    waiting: {},
    unreached: [],
  };
}

async function run(plan: Plan, perform: Perform, signal = new AbortController().signal) {
  const events: string[] = [];
  const onEvent = (event: EngineEvent) => {
    if ('step' in event) events.push(`${event.type.slice(5)} ${event.step.resource.slice(10)}`);
  };
  const result = await apply(plan, { executors: executors(perform), signal, onEvent, now: () => 0 }).then(
    () => undefined,
    (error: Error) => error,
  );
  return { events, result };
}

describe('applying a plan', () => {
  it('starts every step as soon as what it depends on is done, and not before', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const perform: Perform = async (path) => {
      if (path === 'slow') await held;
      if (path === 'afterFast') release();
    };
    const { events, result } = await run(planOf({ slow: [], fast: [], afterFast: [2], afterBoth: [1, 2] }), perform);
    expect(result).toBeUndefined();
    expect(events.indexOf('done afterFast')).toBeLessThan(events.indexOf('done slow'));
    expect(events.indexOf('started afterBoth')).toBeGreaterThan(events.indexOf('done slow'));
    expect(events.filter((event) => event.startsWith('started'))).toHaveLength(4);
  });

  it('skips what depends on a failure, once, and goes on with the rest', async () => {
    const perform: Perform = async (path) => {
      if (path === 'bad') throw new Error('no');
    };
    const { events, result } = await run(planOf({ bad: [], good: [], child: [1], grandchild: [3, 1], other: [2] }), perform);
    expect(result?.message).toBe('no');
    expect(events.filter((event) => event.startsWith('skipped'))).toEqual(['skipped child', 'skipped grandchild']);
    expect(events).toContain('done other');
    expect(events).not.toContain('started grandchild');
  });

  it('tells every failure when several steps fail', async () => {
    const { result } = await run(planOf({ one: [], two: [] }), async (path) => {
      throw new Error(`${path} failed`);
    });
    expect(result?.message).toBe('one failed\ntwo failed');
  });

  it('takes what is cut off for cancelled, not for failed', async () => {
    const controller = new AbortController();
    const perform: Perform = (path, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        if (path === 'second') controller.abort('SIGTERM');
      });
    const { events, result } = await run(planOf({ first: [], second: [], third: [1] }), perform, controller.signal);
    expect(result).toMatchObject({ code: 'cancelled', cause: 'SIGTERM' });
    expect(events.filter((event) => event.startsWith('skipped')).sort()).toEqual(['skipped first', 'skipped second', 'skipped third']);
    expect(events.filter((event) => event.startsWith('failed'))).toEqual([]);
  });

  it('starts nothing more once it is cancelled, and waits for what runs', async () => {
    const controller = new AbortController();
    let finished = false;
    const perform: Perform = async () => {
      controller.abort(new Error('stop'));
      await Promise.resolve();
      finished = true;
    };
    const { events, result } = await run(planOf({ first: [], second: [1] }), perform, controller.signal);
    expect(finished).toBe(true);
    expect(result).toMatchObject({ code: 'cancelled', message: 'cancelled before everything was done' });
    expect(events).toEqual(['started first', 'done first', 'skipped second']);
  });

  it('says why it was cancelled if whoever did it has said so', async () => {
    const controller = new AbortController();
    const why = new TsstackError('cancelled: the stack is being taken down', { code: 'cancelled' });
    const perform: Perform = async () => controller.abort(why);
    expect((await run(planOf({ first: [], second: [1] }), perform, controller.signal)).result).toBe(why);
  });

  it('is done when nothing was left to do, though it was cancelled by then', async () => {
    const controller = new AbortController();
    const perform: Perform = async () => controller.abort(new Error('stop'));
    expect((await run(planOf({ only: [] }), perform, controller.signal)).result).toBeUndefined();
  });
});
