import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../cli/commands.ts';
import { renderCommandHelp, renderHelp } from '../../../cli/help-text.ts';
import type { ExecOptions, LogOptions, UpOptions } from '../../../engine/model/engine.ts';
import { lines, listing, NOW, planOf, session, step } from './support/session.ts';

const CHANGES = planOf(step(1, 'link:shop/default', 'link.create'), step(2, 'process:shop/web-1', 'container.start'));

describe('up -d', () => {
  test('tells what became of each thing, and how long it took', async () => {
    const s = session({
      async up(_spec, { onEvent }) {
        onEvent({ type: 'planned', at: 0, plan: { ...CHANGES, notices: [{ resource: undefined, message: 'no user namespaces' }] } });
        for (const each of CHANGES.steps) onEvent({ type: 'step.done', at: 0, step: each, durationMs: 1 });
        return { plan: CHANGES, durationMs: 312 };
      },
    });
    expect(await s.run('up', '-d')).toBe(0);
    expect(s.err()).toBe('note: no user namespaces\nnetwork default created\nshop-web-1 started\nup: 1 container started in 0.31 s\n');
    expect(s.out()).toBe('');
    expect(s.calls).toEqual(['up', 'dispose']);
  });

  test('that changes nothing says so', async () => {
    const s = session({ up: async () => ({ plan: planOf(), durationMs: 5 }) });
    expect(await s.run('up', '-d')).toBe(0);
    expect(s.err()).toBe('up to date: nothing to change\n');
  });

  test('hands on what was asked', async () => {
    let options: UpOptions | undefined;
    const s = session({
      async up(_spec, given) {
        options = given;
        return { plan: planOf(), durationMs: 5 };
      },
    });
    await s.run('up', '--wait-timeout', '30', '--force-recreate', 'web');
    expect(options).toMatchObject({ wait: true, waitTimeoutMs: 30_000, forceRecreate: true, services: ['web'] });
  });

  test('of a service that is not there names the nearest', async () => {
    await expect(session({}).run('up', '-d', 'wbe')).rejects.toMatchObject({
      message: 'there is no service `wbe` in stack `shop`',
      hint: 'did you mean `web`?',
    });
  });

  test('that fails shows the last words of the container that ended', async () => {
    const s = session({
      async up(_spec, { onEvent }) {
        onEvent({ type: 'container.exited', at: 0, container: 'web-1', code: 3, signal: undefined, oomKilled: false });
        throw new Error('no');
      },
      logs: ({ only, since, tail }) => lines(`web-1 last words of ${only} since ${(since ?? 0) - NOW}, at most ${tail}`),
    });
    await expect(s.run('up', '-d')).rejects.toThrow('no');
    expect(s.err()).toBe('web-1 exited with code 3\nweb-1  | last words of web-1 since 0, at most 20\n');
    expect(s.calls).toEqual(['up', 'logs', 'dispose']);
  });
});

test('down tells how much went, and hands on what was asked', async () => {
  const plan = planOf(step(1, 'container:shop/web-1', 'container.delete'));
  const s = session({
    async down({ volumes, timeoutMs }) {
      expect([volumes, timeoutMs]).toEqual([true, 3000]);
      return { plan, durationMs: 120 };
    },
  });
  expect(await s.run('down', '-v', '-t', '3')).toBe(0);
  expect(s.err()).toBe('down: 1 container removed in 0.12 s\n');
});

test('down without containers tells what went instead', async () => {
  const s = session({ down: async () => ({ plan: planOf(step(1, 'volume:shop/data', 'volume.delete')), durationMs: 120 }) });
  await s.run('down', '-v');
  expect(s.err()).toBe('down: volume data removed in 0.12 s\n');
});

describe('plan', () => {
  test.each([
    ['nothing to change', planOf(), 0],
    ['changes', CHANGES, 10],
    ['something in the way', { ...CHANGES, obstacles: [{ resource: 'link:shop/default', message: 'taken', hint: undefined }] }, 1],
  ])('with %s ends with its own code', async (_what, plan, code) => {
    expect(await session({ plan: async () => plan }).run('plan')).toBe(code);
  });

  test('says what becomes of each thing, and why', async () => {
    const s = session({ plan: async () => CHANGES });
    await s.run('plan');
    expect(s.out()).toContain('#2 process:shop/web-1, container.start, not found\n');
    expect(s.err()).toBe('2 steps:\n  network default  created  not found\n  shop-web-1       started  not found\n');
  });

  test('as JSON has causes but no arguments, which hold secrets', async () => {
    const secret = planOf(step(1, 'container:shop/web-1', 'container.create', { container: { environment: { KEY: 'hush' } } }));
    const s = session({ plan: async () => secret });
    await s.run('plan', '--json');
    expect(JSON.parse(s.out()).steps).toEqual([
      { id: 1, resource: 'container:shop/web-1', op: 'container.create', cause: 'not found', dependsOn: [] },
    ]);
  });
});

describe('ps', () => {
  const exit = { code: 0, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
  const engine = {
    ps: async () => [
      listing('web-1', { startedAt: NOW - 185_000 }),
      listing('api-1', { state: 'stopped', exit: { ...exit, code: 3 }, finishedAt: NOW - 5_000, ports: [] }),
      listing('api-2', { state: 'stopped', exit: { ...exit, code: 137, oomKilled: true }, finishedAt: NOW - 5_000, ports: [] }),
      listing('seed-1', { kind: 'job', state: 'stopped', exit, finishedAt: NOW - 5_000, ports: [] }),
    ],
  };

  test('shows what runs and what failed, aligned', async () => {
    const s = session(engine);
    await s.run('ps');
    expect(s.out()).toBe(
      [
        'NAME        STATE                       SINCE    RESTARTS  ADDRESS   PORTS',
        'shop-web-1  running                     3 min    0         10.0.0.2  127.0.0.1:8080->80/tcp',
        'shop-api-1  exited 3                    5 s ago  0         10.0.0.2',
        'shop-api-2  exited 137 (out of memory)  5 s ago  0         10.0.0.2',
        '',
      ].join('\n'),
    );
  });

  test('says why something does not run as it should, and shows it though it ended well', async () => {
    const listings = [
      listing('web-1', { health: 'unhealthy', restarts: 4, reason: 'connection refused' }),
      listing('web-2', { paused: true, health: 'healthy', ports: [] }),
      listing('api-1', { state: 'stopped', exit, finishedAt: NOW - 5_000, ports: [], reason: 'restarts in 3.2 s (attempt 4)' }),
      listing('api-2', { state: 'stopped', exit: { ...exit, code: 143, signal: 15 }, ports: [], reason: 'stopped on request' }),
      listing('api-3', { state: 'stopped', exit: undefined, ports: [] }),
      listing('db-1', { state: 'stopped', exit: { ...exit, code: 127, error: 'command not found' }, ports: [] }),
    ];
    const s = session({ ps: async () => listings });
    await s.run('ps');
    expect(
      s
        .out()
        .split('\n')
        .map((line) => line.replaceAll(/ {2,}/g, '|')),
    ).toEqual([
      'NAME|STATE|SINCE|RESTARTS|ADDRESS|PORTS|WHY',
      'shop-web-1|running (unhealthy)|0 s|4|10.0.0.2|127.0.0.1:8080->80/tcp|connection refused',
      'shop-web-2|paused|0 s|0|10.0.0.2',
      'shop-api-1|exited 0|5 s ago|0|10.0.0.2|restarts in 3.2 s (attempt 4)',
      'shop-api-2|exited 143 (SIGTERM)|0|10.0.0.2|stopped on request',
      'shop-api-3|ended|0|10.0.0.2',
      'shop-db-1|exited 127|0|10.0.0.2|command not found',
      '',
    ]);
  });

  test('takes services and containers by either name, and refuses what is neither', async () => {
    const s = session(engine);
    await s.run('ps', '-a', '--json', 'web', 'shop-api-2', 'seed-1');
    expect(JSON.parse(s.out()).map(({ name }: { name: string }) => name)).toEqual(['web-1', 'api-2', 'seed-1']);
    await expect(s.run('ps', 'wbe')).rejects.toMatchObject({ code: 'usage', hint: 'did you mean `web`?' });
  });

  test('works though the stack file is broken', async () => {
    const s = session(engine, { broken: true });
    expect(await s.run('ps', 'web')).toBe(0);
    expect(s.out()).toContain('shop-web-1  running');
    expect(s.err()).toBe('note: invalid stack file; going on with stack `shop`, which was brought up from here\n');
  });

  test('with -a shows what ended well, too; as JSON, all there is to know', async () => {
    const s = session(engine);
    await s.run('ps', '-a', '--json');
    const found = JSON.parse(s.out());
    expect(found.map(({ name }: { name: string }) => name)).toEqual(['web-1', 'api-1', 'api-2', 'seed-1']);
    expect(found[2].exit.oomKilled).toBe(true);
  });
});

test('ps that shows nothing says why', async () => {
  const exit = { code: 0, signal: undefined, oomKilled: false, initKilled: false, error: undefined };
  const [none, ended] = [session({ ps: async () => [] }), session({ ps: async () => [listing('web-1', { state: 'stopped', exit })] })];
  await none.run('ps');
  await ended.run('ps');
  expect(none.err()).toBe('there are no containers; `tsstack up -d` makes them\n');
  expect(ended.err()).toBe('nothing runs; `tsstack ps -a` shows 1 container that ended\n');
});

describe('logs', () => {
  test('have an aligned prefix', async () => {
    const s = session({ logs: () => lines('web-1 hello', 'api-2 hi', 'web-admin-1 late') });
    expect(await s.run('logs')).toBe(0);
    expect(s.out()).toBe('web-1  | hello\napi-2  | hi\nweb-admin-1  | late\n');
  });

  test('hand on what was asked, for services and containers by either name', async () => {
    let options: LogOptions | undefined;
    const s = session({
      logs(given) {
        options = given;
        return lines();
      },
    });
    await s.run('logs', '-f', '--tail', '5', '--since', '1m', 'web', 'api-2', 'shop-api-1');
    expect(options).toMatchObject({ follow: true, tail: 5, since: NOW - 60_000, only: ['web', 'api-2', 'api-1'] });
    await expect(s.run('logs', '--tail', 'x')).rejects.toThrow('must be a number of lines');
  });

  test('can be bare, timed or JSON', async () => {
    const engine = { logs: () => lines('web-1 hello') };
    const [bare, timed, json] = [session(engine), session(engine), session(engine)];
    await bare.run('logs', '--no-prefix');
    await timed.run('logs', '-t');
    await json.run('logs', '--json');
    expect(bare.out()).toBe('hello\n');
    expect(timed.out()).toBe('web-1  | 2026-11-22T20:00:00.000000000Z hello\n');
    expect(JSON.parse(json.out())).toEqual({
      container: 'web-1',
      stream: 'stdout',
      time: '2026-11-22T20:00:00.000000000Z',
      text: 'hello',
    });
  });

  test('end when the reader has gone', async () => {
    const s: ReturnType<typeof session> = session({
      async *logs({ signal }) {
        yield* lines('web-1 one');
        s.closeOut();
        expect(signal.aborted).toBe(true);
        for (;;) yield* lines('web-1 more');
      },
    });
    expect(await s.run('logs', '-f')).toBe(0);
  });
});

describe('exec', () => {
  function executing(isTTY: boolean) {
    const asked: ExecOptions[] = [];
    const exec = async (options: ExecOptions) => {
      asked.push(options);
      return 42;
    };
    return { asked, s: session({ exec }, { isTTY }) };
  }

  test('ends with the code of the command', async () => {
    const { asked, s } = executing(false);
    expect(
      await s.run('exec', '-e', 'A=1', '-e', 'GREETING', '-e', 'ABSENT', '-w', '/tmp', '-u', '1000', '--index', '2', 'api', 'ls', '-l'),
    ).toBe(42);
    expect(asked[0]).toMatchObject({
      target: 'api',
      argv: ['ls', '-l'],
      tty: false,
      environment: { A: '1', GREETING: 'hello' },
      workingDir: '/tmp',
      user: '1000',
      index: 2,
    });
  });

  test('has a terminal if it is on one, unless told not to', async () => {
    const { asked, s } = executing(true);
    await s.run('exec', 'web', 'sh');
    await s.run('exec', '-T', 'web', 'sh');
    expect(asked.map(({ tty }) => tty)).toEqual([true, false]);
    expect(asked.map(({ environment }) => environment)).toEqual([{ TERM: 'xterm' }, {}]);
  });

  test('leaves Ctrl-C to the command', async () => {
    const s: ReturnType<typeof session> = session({
      async exec({ signal }) {
        for (let i = 0; i < 4; i++) s.interrupt('SIGINT');
        expect(signal?.aborted).toBe(false);
        s.interrupt('SIGTERM');
        expect(signal?.reason).toBe('SIGTERM');
        return 143;
      },
    });
    expect(await s.run('exec', 'web', 'sh')).toBe(143);
    expect(s.exits).toEqual([]);
  });
});

test('config prints what the file means, as JSON or for people', async () => {
  const [json, text, names] = [session({}), session({}), session({})];
  await json.run('config');
  await text.run('config', '--summary');
  await names.run('config', '--services');
  expect(JSON.parse(json.out()).services.api.replicas).toBe(2);
  expect(text.out()).toContain(
    "  service api × 2\n    image: the host’s userland\n    command: node 'a b.js'\n    limits: memory 256 MiB\n",
  );
  expect(names.out()).toBe('web\napi\n');
});

describe('help', () => {
  test('names every command and every one of its options', () => {
    const all = renderHelp(COMMANDS);
    for (const command of COMMANDS) {
      expect(all).toContain(`  ${command.name} `);
      const own = renderCommandHelp(command);
      for (const name of Object.keys(command.options)) expect(own).toContain(`--${name}`);
    }
  });

  test('does not offer a letter twice', () => {
    for (const command of COMMANDS) {
      const letters = [...renderCommandHelp(command).matchAll(/^ {2}-(\w), /gm)].map(([, letter]) => letter);
      expect(new Set(letters).size).toBe(letters.length);
    }
  });

  test('of a command that is not there names the nearest', async () => {
    await expect(session({}).run('help', 'pss')).rejects.toMatchObject({ hint: 'did you mean `tsstack ps`?' });
  });
});
