import { describe, expect, test } from 'vitest';
import type { ContainerListing, Engine, StopOptions, TargetOptions } from '../../../engine/model/engine.ts';
import { listing, NOW, session } from './support/session.ts';

/** An engine in which one call turns what `ps` lists into something else. */
function turning(verb: keyof Engine, before: readonly ContainerListing[], after: readonly ContainerListing[]) {
  const asked: (TargetOptions & StopOptions & { signalName?: string })[] = [];
  const act = async (options: TargetOptions) => void asked.push(options);
  const engine: Partial<Engine> = { ps: async () => (asked.length === 0 ? before : after), [verb]: act };
  return { asked, engine };
}

const [web, api] = [listing('web-1'), listing('api-1')];
const ended = { state: 'stopped', pid: undefined, finishedAt: NOW } as const;

describe('what is done to containers that are there', () => {
  test.each<[keyof Engine, ContainerListing, ContainerListing, string]>([
    ['stop', web, { ...web, ...ended }, 'stop: web-1 stopped in 0.00 s\n'],
    ['start', { ...web, ...ended }, web, 'start: web-1 started in 0.00 s\n'],
    ['restart', web, { ...web, pid: 2, startedAt: NOW + 1 }, 'restart: web-1 restarted in 0.00 s\n'],
    ['kill', web, web, 'kill: web-1 got SIGKILL in 0.00 s\n'],
    ['pause', web, { ...web, paused: true }, 'pause: web-1 paused in 0.00 s\n'],
    ['unpause', { ...web, paused: true }, web, 'unpause: web-1 unpaused in 0.00 s\n'],
  ])('%s tells to whom it was done', async (verb, before, after, said) => {
    const { engine } = turning(verb, [before, { ...api, ...ended, paused: false }], [after, { ...api, ...ended, paused: false }]);
    const s = session(engine);
    expect(await s.run(String(verb))).toBe(0);
    expect(s.err()).toBe(said);
    expect(s.out()).toBe('');
    expect(s.calls).toEqual(['ps', verb, 'ps', 'dispose']);
  });

  test.each<[keyof Engine, ContainerListing]>([
    ['stop', { ...web, ...ended }],
    ['start', web],
    ['restart', { ...web, ...ended }],
    ['kill', { ...web, ...ended }],
    ['pause', { ...web, paused: true }],
    ['unpause', web],
  ])('%s without anything to do says so', async (verb, before) => {
    const s = session(turning(verb, [before], [before]).engine);
    expect(await s.run(String(verb))).toBe(0);
    expect(s.err()).toBe(`nothing to ${String(verb)}\n`);
  });

  test('many are counted, and JSON names them all', async () => {
    const all = Array.from({ length: 6 }, (_, i) => listing(`web-${i + 1}`));
    const stopped = all.map((each) => ({ ...each, ...ended }));
    const [text, json] = [session(turning('stop', all, stopped).engine), session(turning('stop', all, stopped).engine)];
    await text.run('stop');
    await json.run('stop', '--json');
    expect(text.err()).toBe('stop: 6 containers stopped in 0.00 s\n');
    expect(JSON.parse(json.out())).toEqual({ stack: 'shop', containers: all.map(({ name }) => name) });
  });

  test('only those that were named count', async () => {
    const { engine, asked } = turning('kill', [web, api], [web, api]);
    const s = session(engine);
    await s.run('kill', '-s', 'term', 'shop-api-1');
    expect(asked[0]).toMatchObject({ targets: ['api-1'], signalName: 'SIGTERM' });
    expect(s.err()).toBe('kill: api-1 got SIGTERM in 0.00 s\n');
  });

  test('the grace period is handed on', async () => {
    for (const verb of ['stop', 'restart'] as const) {
      const { engine, asked } = turning(verb, [web], [web]);
      await session(engine).run(verb, '-t', '3', 'web');
      expect(asked[0]).toMatchObject({ targets: ['web'], timeoutMs: 3000 });
    }
  });

  test('what happens meanwhile is told', async () => {
    const stop = async ({ onEvent }: TargetOptions) => {
      onEvent({ type: 'hook', at: 0, container: 'web-1', hook: 'preStop[0]', durationMs: 5, error: 'exited with code 1' });
      onEvent({ type: 'container.exited', at: 0, container: 'web-1', code: 0, signal: undefined, oomKilled: false });
    };
    const s = session({ ps: async () => [web], stop });
    await s.run('stop');
    expect(s.err()).toBe('preStop[0] of web-1 failed: exited with code 1\nnothing to stop\n');
  });

  test('it works though the stack file is broken, on whatever is there', async () => {
    const { engine, asked } = turning('stop', [web], [{ ...web, ...ended }]);
    const s = session(engine, { broken: true });
    await s.run('stop', 'web');
    expect(asked[0]).toMatchObject({ targets: ['web'] });
    await expect(s.run('stop', 'wbe')).rejects.toMatchObject({ code: 'usage', hint: 'did you mean `web`?' });
  });
});

describe('a signal', () => {
  test.each([
    ['SIGHUP', 'SIGHUP'],
    ['hup', 'SIGHUP'],
    ['15', 'SIGTERM'],
  ])('%s is %s', async (given, expected) => {
    const { engine, asked } = turning('kill', [web], [web]);
    await session(engine).run('kill', '-s', given);
    expect(asked[0]?.signalName).toBe(expected);
  });

  test('that there is none of is refused with the nearest', async () => {
    await expect(session({}).run('kill', '-s', 'TREM')).rejects.toMatchObject({ code: 'usage', hint: 'did you mean `SIGTERM`?' });
    await expect(session({}).run('kill', '-s', '999')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('wait', () => {
  const exit = { code: 0, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
  const end = (name: string, code: number, finishedAt: number) => listing(name, { ...ended, finishedAt, exit: { ...exit, code } });

  test.each<[string, readonly ContainerListing[], number, string]>([
    ['0 if all ended well', [end('web-1', 0, 2), end('api-1', 0, 1)], 0, 'web-1 0\napi-1 0\n'],
    ['that of the last that failed', [end('web-1', 3, 2), end('api-1', 4, 3), end('api-2', 0, 9)], 4, 'web-1 3\napi-1 4\napi-2 0\n'],
    ['1 if nobody saw it end', [listing('web-1', { ...ended, exit: undefined })], 1, 'web-1 -\n'],
  ])('ends with %s', async (_what, listings, code, text) => {
    const s = session({ untilStopped: async () => listings });
    expect(await s.run('wait')).toBe(code);
    expect(s.out()).toBe(text);
  });

  test('hands on whom it waits for, and prints JSON', async () => {
    let targets: readonly string[] | undefined;
    const s = session({
      async untilStopped(options) {
        targets = options.targets;
        return [listing('web-1', { ...ended, exit: { ...exit, code: 137, signal: 9, oomKilled: true } })];
      },
    });
    expect(await s.run('wait', '--json', 'web')).toBe(137);
    expect(targets).toEqual(['web']);
    expect(JSON.parse(s.out())).toEqual([{ name: 'web-1', code: 137, signal: 9, oomKilled: true }]);
  });

  test('gives up after its timeout, and names what goes on', async () => {
    const s = session({
      untilStopped: ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve([web, end('api-1', 0, 1)]), { once: true })),
    });
    await expect(s.run('wait', '-t', '10ms')).rejects.toMatchObject({
      code: 'wait-timed-out',
      message: 'not everything has stopped after 0.01 s: `web-1`',
    });
    expect(s.out()).toBe('api-1 0\n');
  });

  test('interrupted, ends as interrupted', async () => {
    const s: ReturnType<typeof session> = session({
      async untilStopped() {
        s.interrupt('SIGINT');
        return [web];
      },
    });
    expect(await s.run('wait')).toBe(130);
  });
});
