import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HookSpec } from '../../../../dsl/spec.ts';
import type { ContainerStatus } from '../../../../engine/model/container.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';
import { type CommandHookOptions, callHostHook, runCommandHooks } from '../../../../engine/wiring/hooks.ts';
import { type WiredContainers, wiredContainers } from '../../../support/wired-containers.ts';

const RUNNING: ContainerStatus = {
  state: 'running',
  monitor: { pid: process.pid, startTime: 1 },
  init: { pid: process.pid, startTime: 1 },
  createdAt: 1,
  startedAt: 1,
  finishedAt: undefined,
  exit: undefined,
};

let containers: WiredContainers;
let stop: AbortController;
let events: EngineEvent[];
beforeEach(() => {
  containers = wiredContainers();
  stop = new AbortController();
  events = [];
});
afterEach(() => containers[Symbol.dispose]());

const onEvent = (event: EngineEvent) => void events.push(event);
const told = () => events.map((event) => (event.type === 'hook' ? [event.hook, event.error] : [event.type]));
const hook = (script: string, parts: Partial<HookSpec> = {}): HookSpec => ({
  argv: ['sh', '-c', script],
  user: undefined,
  workingDir: undefined,
  environment: {},
  timeoutMs: 30_000,
  ...parts,
});

function run(
  when: 'postStart' | 'preStop',
  hooks: readonly HookSpec[],
  parts: Partial<CommandHookOptions> & { status?: ContainerStatus } = {},
) {
  const { status = RUNNING, ...options } = parts;
  const record = containers.make('web-1', {
    hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 1, [when]: hooks },
    stopGracePeriodMs: 10_000,
  });
  return runCommandHooks(containers.session, { record, status }, { when, signal: stop.signal, onEvent, ...options });
}
const trace = () => `${containers.logs}/trace`;
const note = (word: string) => `echo ${word} >> ${trace()}`;

describe('hooks after the start', () => {
  it('run one after the other, with what they are given, and are told', async () => {
    const check = hook(`test "$(cat ${trace()})" = one && test "$COLOR" = red && test "$ASKED_UID" = 1000`, {
      environment: { COLOR: 'red' },
      user: '1000',
    });
    await run('postStart', [hook(note('one')), check]);
    expect(told()).toEqual([
      ['postStart[0]', undefined],
      ['postStart[1]', undefined],
    ]);
  });

  it('that fail are a failed start, and the rest is left out', async () => {
    const done = run('postStart', [hook('echo seeding; echo no such table >&2; sleep 0; exit 3'), hook(note('two'))]);
    await expect(done).rejects.toMatchObject({
      code: 'service-failed',
      message: 'hook `postStart[0]` of container `web-1` failed: it exited with code 3: no such table',
    });
    expect(told()).toEqual([['postStart[0]', 'it exited with code 3: no such table']]);
    expect(existsSync(trace())).toBe(false);
  });

  it('fail when they take too long, have a user that is not there, or a container that does not run', async () => {
    await expect(run('postStart', [hook('exec sleep 0.9', { timeoutMs: 50 })])).rejects.toThrow('it took longer than 50 ms');
    await expect(run('postStart', [hook('true', { user: 'nobody-known' })])).rejects.toThrow('the image has no user `nobody-known`');
    const stopped = { ...RUNNING, init: undefined };
    await expect(run('postStart', [hook('true')], { status: stopped })).rejects.toThrow('the container does not run');
  });

  it('end with the reason when they are cut off', async () => {
    const done = run('postStart', [hook(`${note('one')}; exec sleep 1000`), hook(note('two'))]);
    stop.abort(new Error('Ctrl-C'));
    await expect(done).rejects.toThrow('Ctrl-C');
  });
});

describe('hooks before the stop', () => {
  it('do not keep it from stopping when they fail', async () => {
    await run('preStop', [hook('exit 1'), hook(note('two'))]);
    expect(told()).toEqual([
      ['preStop[0]', 'it exited with code 1'],
      ['preStop[1]', undefined],
    ]);
  });

  it('are over when the grace period is', async () => {
    await run('preStop', [hook('exec sleep 1000'), hook(note('two'))], { graceMs: 50 });
    expect(told()).toEqual([
      ['preStop[0]', 'it was cut off'],
      ['preStop[1]', 'no time was left for it'],
    ]);
    expect(existsSync(trace())).toBe(false);
  });

  it('are over when somebody is in a hurry', async () => {
    const done = run('preStop', [hook('exec sleep 1000')]);
    stop.abort();
    await done;
    expect(told()).toEqual([['preStop[0]', 'it was cut off']]);
  });
});

describe('a function of the stack file', () => {
  const EVENT = { service: 'web', container: 'web-1', addresses: { front: '10.1.2.3' }, ports: [], at: 5, exit: undefined };
  const options = { name: 'onHealthy', timeoutMs: 30_000, onEvent } as const;

  it('is told of whom it is called for, and may say something', async () => {
    await callHostHook(async ({ container, addresses, log }) => log(`${container} is at ${addresses['front']}`), EVENT, options);
    expect(events).toMatchObject([
      { type: 'notice', message: '`onHealthy` of `web-1`: web-1 is at 10.1.2.3' },
      { type: 'hook', hook: 'onHealthy', container: 'web-1', error: undefined },
    ]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no webhook');
      },
      'no webhook',
    ],
    ['rejects', async () => Promise.reject(new Error('no webhook')), 'no webhook'],
    ['rejects with what is no error', () => Promise.reject('no'), 'no'],
  ])('that %s is told and changes nothing', async (_, fn, error) => {
    await callHostHook(fn, EVENT, options);
    expect(told()).toEqual([['onHealthy', error]]);
  });

  it('that never returns is given up, its signal fires, and what it does later is of no interest', async () => {
    let late: ((error: Error) => void) | undefined;
    let fired = false;
    const never = ({ signal }: { readonly signal: AbortSignal }) =>
      new Promise((_, reject) => {
        late = reject;
        signal.addEventListener('abort', () => (fired = true));
      });
    await callHostHook(never, EVENT, { ...options, timeoutMs: 10 });
    expect([fired, told()]).toEqual([true, [['onHealthy', 'it took longer than 10 ms']]]);
    late?.(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('is called in a turn of its own', async () => {
    const order: string[] = [];
    const done = callHostHook(() => void order.push('hook'), EVENT, options);
    order.push('caller');
    await done;
    expect(order).toEqual(['caller', 'hook']);
  });
});
