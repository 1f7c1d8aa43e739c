/** Commands that show what goes on: events, stats, top. */
import { describe, expect, test } from 'vitest';
import { describeEvent } from '../../../cli/progress/happenings.ts';
import type { ContainerStats, ProcessListing, StatsOptions } from '../../../engine/model/engine.ts';
import { TsstackError } from '../../../engine/model/errors.ts';
import type { EngineEvent } from '../../../engine/model/events.ts';
import { NOW, planOf, session, step } from './support/session.ts';

const at = NOW;

describe('an event reads', () => {
  test.each<[EngineEvent, string | undefined]>([
    [{ type: 'container.started', at, container: 'web-1' }, 'web-1 started'],
    [{ type: 'container.exited', at, container: 'web-1', code: 137, signal: 9, oomKilled: false }, 'web-1 was ended by SIGKILL'],
    [{ type: 'container.health', at, container: 'web-1', health: 'starting', detail: undefined }, 'web-1 is not healthy yet'],
    [{ type: 'container.health', at, container: 'web-1', health: 'healthy', detail: undefined }, 'web-1 is healthy'],
    [{ type: 'container.health', at, container: 'web-1', health: 'unhealthy', detail: 'no\n  route\n' }, 'web-1 is unhealthy: no | route'],
    [{ type: 'container.oom', at, container: 'web-1', kills: 1 }, 'web-1 ran out of memory: the kernel killed a process in it'],
    [{ type: 'container.oom', at, container: 'web-1', kills: 2 }, 'web-1 ran out of memory: the kernel killed 2 processes in it'],
    [{ type: 'container.paused', at, container: 'web-1' }, 'web-1 is paused'],
    [{ type: 'container.unpaused', at, container: 'web-1' }, 'web-1 goes on'],
    [{ type: 'container.restarting', at, container: 'web-1', delayMs: 3200, attempt: 4 }, 'web-1 restarts in 3.20 s (attempt 4)'],
    [
      { type: 'hook', at, container: 'web-1', hook: 'postStart[0]', durationMs: 120, error: undefined },
      'postStart[0] of web-1 done in 0.12 s',
    ],
    [{ type: 'hook', at, container: 'web-1', hook: 'onHealthy', durationMs: 1, error: 'no' }, 'onHealthy of web-1 failed: no'],
    [{ type: 'drift', at, resource: 'link:shop/web-1@front', cause: 'not found' }, 'drift: link:shop/web-1@front: not found'],
    [
      { type: 'repaired', at, resources: ['link:shop/a', 'address:shop/a'], durationMs: 40 },
      'repaired in 0.04 s: link:shop/a, address:shop/a',
    ],
    [{ type: 'repair.failed', at, message: 'EPERM', attempts: 1, retryInMs: 500 }, 'repair failed: EPERM; next try in 0.50 s'],
    [{ type: 'repair.failed', at, message: 'EPERM', attempts: 3, retryInMs: 500 }, 'repair failed 3 times: EPERM; next try in 0.50 s'],
    [{ type: 'supervisor.started', at, pid: 7, adopted: [] }, 'supervisor started (pid 7)'],
    [{ type: 'supervisor.started', at, pid: 7, adopted: ['web-1', 'db-1'] }, 'supervisor started (pid 7), adopted web-1, db-1'],
    [{ type: 'notice', at, message: 'no user namespaces' }, 'note: no user namespaces'],
    [{ type: 'planned', at, plan: planOf() }, undefined],
  ])('%j', (event, text) => {
    expect(describeEvent(event, false)).toBe(text);
  });
});

describe('events', () => {
  const one = step(1, 'link:shop/web-1@front', 'link.create', { secret: 'hush' });
  const failure = new TsstackError('cannot create link', { code: 'kernel', hint: 'try again' });
  const all: EngineEvent[] = [
    { type: 'drift', at, resource: one.resource, cause: 'not found' },
    { type: 'planned', at, plan: planOf(one) },
    { type: 'step.started', at, step: one },
    { type: 'step.failed', at, step: one, error: failure },
    { type: 'step.done', at, step: one, durationMs: 1.25 },
    { type: 'repaired', at, resources: [one.resource], durationMs: 40 },
  ];
  const engine = {
    async *events() {
      yield* all;
    },
  };

  test('have a time, and steps only if they fail', async () => {
    const s = session(engine);
    expect(await s.run('events')).toBe(0);
    expect(s.out().split('\n')).toEqual([
      '2026-11-22T20:00:00.000Z drift: link:shop/web-1@front: not found',
      '2026-11-22T20:00:00.000Z #1 link:shop/web-1@front, link.create failed: cannot create link (try again)',
      '2026-11-22T20:00:00.000Z repaired in 0.04 s: link:shop/web-1@front',
      '',
    ]);
  });

  test('show every step if asked', async () => {
    const s = session(engine);
    await s.run('events', '--verbose');
    expect(s.out()).toContain('Z plan of 1 step\n');
    expect(s.out()).toContain('Z #1 link:shop/web-1@front, link.create, not found (1.3 ms)\n');
  });

  test('as JSON are one document a line, with errors and without secrets', async () => {
    const s = session(engine);
    await s.run('events', '--json');
    const documents = s
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(documents).toHaveLength(all.length);
    const shown = { id: 1, resource: one.resource, op: 'link.create', cause: 'not found', dependsOn: [] };
    expect(documents[1]).toEqual({ type: 'planned', at, plan: { stack: 'shop', steps: [shown], notices: [] } });
    expect(documents[3]).toEqual({
      type: 'step.failed',
      at,
      step: shown,
      error: { message: 'cannot create link', code: 'kernel', hint: 'try again' },
    });
    expect(s.out()).not.toContain('hush');
  });

  test('end when nobody reads them any more', async () => {
    const s: ReturnType<typeof session> = session({
      async *events({ signal }) {
        s.closeOut();
        expect(signal.aborted).toBe(true);
        yield* all;
      },
    });
    expect(await s.run('events')).toBe(0);
  });
});

const STATS: ContainerStats = {
  container: 'web-1',
  service: 'web',
  at,
  cpuUsec: 1_000_000,
  cpuPercent: 7.25,
  memoryBytes: 32 * 2 ** 20,
  memoryLimitBytes: 128 * 2 ** 20,
  pids: 4,
  pidsLimit: 20,
  readBytes: 0,
  writtenBytes: 8192,
  receivedBytes: 198,
  sentBytes: 1536,
};

describe('stats', () => {
  const moments = (...all: (readonly ContainerStats[])[]) => {
    const asked: StatsOptions[] = [];
    return {
      asked,
      async *stats(options: StatsOptions) {
        asked.push(options);
        yield* all;
      },
    };
  };
  const free: ContainerStats = { ...STATS, container: 'api-1', memoryLimitBytes: undefined, pidsLimit: undefined };

  test('once are a table', async () => {
    const engine = moments([STATS, free]);
    const s = session(engine);
    expect(await s.run('stats', '--no-stream', '--interval', '500ms', 'web')).toBe(0);
    expect(engine.asked[0]).toMatchObject({ follow: false, intervalMs: 500, targets: ['web'] });
    expect(s.out()).toBe(
      [
        'NAME   CPU   MEMORY  LIMIT    MEM    RECEIVED  SENT     READ  WRITTEN  PIDS',
        'web-1  7.3%  32 MiB  128 MiB  25.0%  198 B     1.5 KiB  0 B   8 KiB    4/20',
        'api-1  7.3%  32 MiB  -        -      198 B     1.5 KiB  0 B   8 KiB    4',
        '',
      ].join('\n'),
    );
  });

  test('as JSON are one document, or one a line', async () => {
    const [once, stream] = [session(moments([STATS, free])), session(moments([STATS, free], [STATS]))];
    await once.run('stats', '--no-stream', '--json');
    await stream.run('stats', '--json');
    expect(JSON.parse(once.out())).toHaveLength(2);
    const documents = stream
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(documents.map(({ container }) => container)).toEqual(['web-1', 'api-1', 'web-1']);
  });

  test('on a terminal are drawn over in place, each line cleared behind what it says', async () => {
    const s = session(moments([STATS, free], [{ ...STATS, memoryBytes: 1 }]), { isTTY: true, size: { columns: 200, rows: 24 } });
    await s.run('stats');
    const [begin = '', first = '', second = ''] = s.out().split('\x1b[?2026h');
    expect(begin).toBe('\x1b[?25l');
    expect(first.match(/\x1b\[K\n/g)).toHaveLength(3);
    expect(second).toMatch(
      /^\x1b\[3FNAME {3}CPU {3}MEMORY .*\x1b\[K\nweb-1 {2}7\.3% {2}1 B {5}128 MiB .*\x1b\[K\n\x1b\[J\x1b\[\?2026l\x1b\[\?25h$/,
    );
  });

  test('fit the terminal', async () => {
    const s = session(moments([STATS, free, free]), { isTTY: true, size: { columns: 20, rows: 4 } });
    await s.run('stats');
    const lines = s
      .out()
      .replaceAll(/\x1b\[[?\d]*[a-zA-Z]/g, '')
      .trimEnd()
      .split('\n');
    expect(lines).toEqual(['NAME   CPU   MEMOR…', 'web-1  7.3%  32 Mi…', '… and 2 more']);
  });

  test('elsewhere are one table after the other, and nothing is said to be nothing', async () => {
    const s = session(moments([STATS], [STATS], []));
    await s.run('stats');
    expect(s.out().match(/^NAME/gm)).toHaveLength(2);
    expect(s.out()).not.toContain('\x1b');
    expect(s.err()).toBe('nothing runs\n');
  });

  test('show the cursor again when they are interrupted', async () => {
    const s: ReturnType<typeof session> = session(
      {
        async *stats() {
          yield [STATS];
          s.interrupt('SIGINT');
        },
      },
      { isTTY: true, size: { columns: 80, rows: 24 } },
    );
    expect(await s.run('stats')).toBe(130);
    expect(s.out()).toMatch(/\x1b\[\?25h$/);
  });
});

describe('top', () => {
  const process: ProcessListing = {
    container: 'web-1',
    pid: 4711,
    containerPid: 2,
    parentPid: 1,
    uid: 33,
    cpuMs: 120,
    memoryBytes: 2 ** 20,
    startedAt: NOW - 185_000,
    command: 'node server.js',
  };

  test('is a table, cut to the terminal', async () => {
    const [wide, narrow] = [
      session({ top: async () => [process] }),
      session({ top: async () => [process] }, { size: { columns: 50, rows: 9 } }),
    ];
    await wide.run('top', 'web');
    await narrow.run('top');
    expect(wide.out()).toBe(
      [
        'CONTAINER  PID  HOST-PID  USER  CPU     MEMORY  SINCE  COMMAND',
        'web-1      2    4711      33    0.12 s  1 MiB   3 min  node server.js',
        '',
      ].join('\n'),
    );
    expect(narrow.out()).toBe('CONTAINER  PID  HOST-PID  USER  CPU     MEMORY  S…\nweb-1      2    4711      33    0.12 s  1 MiB   3…\n');
  });

  test('as JSON is what the engine says; of nothing says so', async () => {
    const [json, none] = [session({ top: async () => [process] }), session({ top: async () => [] })];
    await json.run('top', '--json');
    await none.run('top');
    expect(JSON.parse(json.out())).toEqual([process]);
    expect(none.err()).toBe('nothing runs\n');
  });
});
