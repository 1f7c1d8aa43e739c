import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startLauncher } from '../../engine/kernel/launcher.ts';
import { makeTestCgroup, makeUnifiedCgroup } from './launcher-cgroups.ts';
import { BINARY, type Fixture, openFixture, until } from './launcher-fixture.ts';

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture();
});
afterEach(() => fixture.close());

const SOON = (): AbortSignal => AbortSignal.timeout(20_000);

describe('the end of a container', () => {
  test.each([
    [0, 'exit 0'],
    [1, 'exit 1'],
    [42, 'exit 42'],
  ])('is written down with exit code %d', async (code, script) => {
    const { status } = await fixture.run('c', script);
    expect(status).toMatchObject({ state: 'stopped', exit: { code, signal: undefined, oomKilled: false, error: undefined } });
    expect(status.createdAt).toBeLessThanOrEqual(status.startedAt ?? 0);
    expect(status.startedAt).toBeLessThanOrEqual(status.finishedAt ?? 0);
  });

  test.each([true, false])('comes after its start, and so does the first that it has written, with init %s', async (init) => {
    const names = Array.from({ length: 30 }, (_, index) => `c${index}`);
    const runs = await Promise.all(names.map((name) => fixture.run(name, 'echo first', { init })));
    for (const [index, { status }] of runs.entries()) {
      const [written = ''] = readFileSync(join(fixture.directory, `c${index}.log`), 'utf8').split(' ');
      expect(status.startedAt).toBeLessThanOrEqual(Date.parse(written));
    }
  });

  test('is written down with the signal that the command died of', async () => {
    const { status } = await fixture.run('c', 'kill -11 $$');
    expect(status.exit).toMatchObject({ code: 139, signal: 11 });
  });

  test.each([true, false])('is seen the same with init %s', async (init) => {
    const { status, stdout } = await fixture.run('c', 'echo $$; exit 7', { init });
    expect(status.exit?.code).toBe(7);
    expect(stdout).toBe(init ? '2\n' : '1\n');
  });

  test('does not wait for processes that the command left behind, and takes them along', async () => {
    const { status, stdout } = await fixture.run('c', 'sleep 1000 & (sleep 1000 &) ; echo started');
    expect(stdout).toBe('started\n');
    expect(status.exit?.code).toBe(0);
  });

  test('is known as an OOM kill when the cgroup counted one', async () => {
    const cgroup = makeTestCgroup('memory');
    try {
      const [limit, events] = cgroup.legacy ? ['memory.limit_in_bytes', 'memory.oom_control'] : ['memory.max', 'memory.events'];
      writeFileSync(join(cgroup.directory, limit), '16777216');
      const limits = { ...cgroup.launch, oomFile: join(cgroup.directory, events) };
      const { status } = await fixture.run('greedy', 'head -c 64m /dev/zero | tail | wc -c >/dev/null; a=$(yes | head -c 64m)', limits);
      expect(status.exit).toMatchObject({ code: 137, signal: 9, oomKilled: true, initKilled: false });
      const alone = await fixture.run('alone', 'a=$(yes | head -c 64m)', { ...limits, init: false });
      expect(alone.status.exit).toMatchObject({ code: 137, signal: 9, oomKilled: true, initKilled: false });
      const { init } = await fixture.launcher.create('unstarted', fixture.spec('unstarted', 'true', limits));
      await fixture.launcher.signal(init, 9);
      expect((await fixture.ended('unstarted')).exit).toMatchObject({ signal: 9, oomKilled: false, initKilled: true });
      const modest = await fixture.run('modest', 'exit 3', limits);
      expect(modest.status.exit).toMatchObject({ code: 3, oomKilled: false });
    } finally {
      cgroup.remove();
    }
  });
});

describe('the end of init itself', () => {
  test.each([true, false])('by a SIGKILL from outside is told from an end of its command, with init %s', async (init) => {
    const { init: target } = await fixture.launcher.create('c', fixture.spec('c', 'sleep 1000', { init }));
    await fixture.launcher.start('c');
    process.kill(target.pid, 'SIGKILL');
    expect((await fixture.ended('c')).exit).toMatchObject({ code: 137, signal: 9, oomKilled: false, initKilled: true });
  });

  test('is not what happened when the command was killed, from inside or from outside', async () => {
    const inside = await fixture.run('inside', 'kill -9 $$');
    expect(inside.status.exit).toMatchObject({ code: 137, signal: 9, initKilled: false });
    const { init } = await fixture.launcher.create('outside', fixture.spec('outside', 'sleep 1000'));
    await fixture.launcher.start('outside');
    process.kill(Number(readFileSync(`/proc/${init.pid}/task/${init.pid}/children`, 'utf8')), 'SIGKILL');
    expect((await fixture.ended('outside')).exit).toMatchObject({ code: 137, signal: 9, initKilled: false });
  });

  test.each([true, false])('is not what happened when it ended with its command, with init %s', async (init) => {
    const { status } = await fixture.run('c', 'exit 137', { init });
    expect(status.exit).toMatchObject({ code: 137, signal: undefined, initKilled: false });
  });

  test('is told of a container that was killed before it started', async () => {
    const { init } = await fixture.launcher.create('c', fixture.spec('c', 'true'));
    await fixture.launcher.signal(init, 9);
    expect((await fixture.ended('c')).exit).toMatchObject({ signal: 9, initKilled: true });
  });
});

describe('init', () => {
  test('is in the cgroups it was given, which look like the root from inside', async () => {
    // Where v1 has no such controller both are of v2, and one is enough.
    const [unified, pids] = [makeUnifiedCgroup(), makeTestCgroup('pids')];
    try {
      const { stdout } = await fixture.run('c', 'cat /proc/self/cgroup; ls /sys/fs/cgroup/cgroup.procs', {
        cgroupUnified: unified.directory,
        cgroupLegacy: pids.launch.cgroupLegacy,
      });
      expect(stdout).toMatch(unified.line);
      expect(stdout).toMatch(pids.line);
      expect(stdout).toMatch(/^\/sys\/fs\/cgroup\/cgroup.procs$/m);
    } finally {
      for (const cgroup of [unified, pids]) cgroup.remove();
    }
  });

  test('forwards signals to the command', async () => {
    const { init } = await fixture.launcher.create(
      'c',
      fixture.spec('c', 'trap "echo got term; exit 5" TERM; echo ready; while :; do sleep 0.01; done'),
    );
    await fixture.launcher.start('c');
    await until(
      () => fixture.output('c') === 'ready\n',
      () => 'no output',
    );
    expect(await fixture.launcher.signal(init, 15)).toBe(true);
    expect((await fixture.ended('c')).exit?.code).toBe(5);
    expect(fixture.output('c')).toBe('ready\ngot term\n');
  });

  test('reaps orphans', async () => {
    const { stdout } = await fixture.run('c', '(true & true & (true &) ); sleep 0.2; ps -o stat,comm | grep -c "^Z"');
    expect(stdout).toBe('0\n');
  });

  test('holds only CAP_KILL while the command runs', async () => {
    const { init } = await fixture.launcher.create('c', fixture.spec('c', 'echo up; sleep 1000', { idMap: undefined }));
    await fixture.launcher.start('c');
    expect(readFileSync(`/proc/${init.pid}/status`, 'utf8')).toMatch(/^CapPrm:\t0000000000000020\nCapEff:\t0000000000000020$/m);
    await fixture.launcher.signal(init, 9);
    await fixture.ended('c');
  });
});

describe('a start that fails', () => {
  test.each([
    [127, { argv: ['/no/such'] }, 'cannot start container `c`: command `/no/such` not found in the container'],
    [127, { argv: ['nosuch'] }, 'cannot start container `c`: command `nosuch` not found in the container'],
    [126, { argv: ['/etc/passwd'] }, 'cannot start container `c`: command `/etc/passwd` is not executable'],
    [126, { argv: ['/etc'] }, 'cannot start container `c`: command `/etc` is not executable'],
    [125, { workingDir: '/proc/nowhere' }, 'cannot start container `c`: working directory `/proc/nowhere` cannot be entered (ENOENT)'],
    [125, { mounts: [{ type: 'bind', source: '/no/where', target: '/x', readOnly: false }] }, 'bind `/no/where` failed with ENOENT'],
    [125, { lowerdirs: ['/no/image'] }, '`/no/image` failed with ENOENT'],
  ] as const)('ends the container with code %d: %o', async (code, change, message) => {
    for (const init of [true, false]) {
      await fixture.launcher.create('c', fixture.spec('c', 'true', { init, ...change }));
      await expect(fixture.launcher.start('c')).rejects.toThrow(message);
      const status = await fixture.ended('c');
      expect(status.state).toBe('stopped');
      expect(status.exit).toMatchObject({ code, oomKilled: false });
      expect(status.exit?.error).toContain(': ');
    }
  });

  test('reports a file without the right to execute it as 126', async () => {
    const spec = fixture.spec('c', 'true', { argv: ['/bin/locked'] });
    writeFileSync(join(spec.upperdir, 'locked'), '');
    mkdirSync(join(spec.upperdir, 'bin'));
    writeFileSync(join(spec.upperdir, 'bin/locked'), '#!/bin/sh\n');
    chmodSync(join(spec.upperdir, 'bin/locked'), 0o644);
    await fixture.launcher.create('c', spec);
    await expect(fixture.launcher.start('c')).rejects.toThrow('command `/bin/locked` is not executable');
    expect((await fixture.ended('c')).exit?.code).toBe(126);
  });
});

describe('a create that fails', () => {
  test.each([
    [
      { cgroupUnified: '/sys/fs/cgroup/unified/no-such' },
      'cannot create container `c`: cgroup `/sys/fs/cgroup/unified/no-such` failed with ENOENT',
    ],
    [
      { cgroupLegacy: ['/sys/fs/cgroup/pids/no-such'] },
      'cannot create container `c`: cgroup `/sys/fs/cgroup/pids/no-such` failed with ENOENT',
    ],
    [{ seccompFile: '/dev/null' }, 'cannot create container `c`: seccomp `/dev/null` failed with EINVAL'],
    [{ directory: '/no/directory' }, 'cannot create container `c`: status `/no/directory` failed with ENOENT'],
  ])('leaves nothing: %o', async (change, message) => {
    const spec = fixture.spec('c', 'true');
    await expect(fixture.launcher.create('c', { ...spec, ...change })).rejects.toThrow(message);
    expect(fixture.status('c').state).toBe('creating');
    expect(existsSync(spec.logFile)).toBe(false);
  });
});

describe('the log', () => {
  test('has all of a megabyte, in order, and the last line without its newline', async () => {
    const { stdout, stderr } = await fixture.run('c', 'seq 1 150000; echo oops >&2; echo -n end');
    const expected = Array.from({ length: 150_000 }, (_, i) => i + 1).join('\n');
    expect(stdout).toBe(`${expected}\nend\n`);
    expect(stderr).toBe('oops\n');
  });

  test('splits lines longer than 16 KiB into parts', async () => {
    const { stdout } = await fixture.run('c', 'head -c 50000 /dev/zero | tr "\\0" x; echo; echo short');
    expect(stdout).toBe(`${'x'.repeat(50_000)}\nshort\n`);
    const tags = readFileSync(fixture.spec('c', '').logFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[2]);
    expect(tags).toEqual(['P', 'P', 'P', 'F', 'F']);
  });

  test('is rotated to one older file', async () => {
    const { status } = await fixture.run('c', 'seq 1 20000', { logMaxBytes: 100_000 });
    const { logFile } = fixture.spec('c', '');
    expect(status.exit?.code).toBe(0);
    expect(statSync(logFile).size).toBeLessThanOrEqual(100_000);
    expect(statSync(`${logFile}.1`).size).toBeLessThanOrEqual(100_000);
    const numbers = [`${logFile}.1`, logFile].flatMap((file) =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => Number(line.split(' ')[3])),
    );
    expect(numbers.at(-1)).toBe(20_000);
    expect(numbers).toEqual(numbers.map((_, i) => 20_000 - numbers.length + 1 + i));
  });
});

describe('when the launcher dies', () => {
  test('running containers go on: their output and exit are written down', async () => {
    const names = ['a', 'b', 'c'];
    const shared = join(fixture.directory, 'shared');
    mkdirSync(shared);
    const monitors = await Promise.all(
      names.map(async (name) => {
        const { monitor } = await fixture.launcher.create(
          name,
          fixture.spec(name, 'seq 1 1000; while [ ! -e /shared/go ]; do sleep 0.01; done; seq 1001 2000; exit 9', {
            mounts: [{ type: 'bind', source: shared, target: '/shared', readOnly: false }],
          }),
        );
        await fixture.launcher.start(name);
        return monitor;
      }),
    );
    process.kill(fixture.launcherPid(), 'SIGKILL');
    await expect(fixture.launcher.waitExit({ pid: process.pid, startTime: 1 }, SOON())).rejects.toThrow('it was ended by SIGKILL');
    for (const name of names) expect(fixture.status(name)).toMatchObject({ state: 'running', monitor: { pid: expect.any(Number) } });
    writeFileSync(join(shared, 'go'), '');
    const second = startLauncher({ binary: BINARY, stageDirectory: fixture.stage });
    await Promise.all(monitors.map((monitor) => second.waitExit(monitor, SOON())));
    for (const name of names) {
      expect(fixture.status(name).exit).toMatchObject({ code: 9 });
      expect(fixture.output(name)).toBe(Array.from({ length: 2000 }, (_, i) => `${i + 1}\n`).join(''));
    }
    await second[Symbol.asyncDispose]();
  });

  test('containers that were never started are as never made', async () => {
    const spec = fixture.spec('c', 'true');
    await fixture.launcher.create('c', spec);
    expect(fixture.status('c')).toMatchObject({ state: 'created' });
    process.kill(fixture.launcherPid(), 'SIGKILL');
    await until(
      () => fixture.left().length === 0,
      () => fixture.left().join(),
    );
    expect(fixture.status('c').state).toBe('creating');
    expect(readdirSync(spec.directory).sort()).toEqual(['upper', 'work']);
    expect(existsSync(spec.logFile)).toBe(false);
  });
});

test('when the engine goes away, containers that were never started are undone and the rest goes on', async () => {
  const left = startLauncher({ binary: BINARY, stageDirectory: fixture.stage });
  await left.create('held', fixture.spec('held', 'true'));
  const running = await left.create('running', fixture.spec('running', 'sleep 1000'));
  await left.start('running');
  await left[Symbol.asyncDispose]();
  await until(
    () => fixture.status('held').state === 'creating',
    () => 'still created',
  );
  expect(fixture.status('running').state).toBe('running');
  await fixture.launcher.signal(running.init, 9);
  await fixture.ended('running');
});

describe('when the monitor dies', () => {
  test('its container dies with it, and nobody claims to know how', async () => {
    const { monitor, init } = await fixture.launcher.create('c', fixture.spec('c', 'sleep 1000'));
    await fixture.launcher.start('c');
    await fixture.launcher.signal(monitor, 9);
    await fixture.launcher.waitExit(init, SOON());
    await until(
      () => fixture.status('c').state === 'stopped',
      () => 'still running',
    );
    expect(fixture.status('c')).toMatchObject({ state: 'stopped', monitor: undefined, init: undefined, exit: undefined });
  });

  test('by SIGTERM, it stops its container first, with its stop signal', async () => {
    const { monitor } = await fixture.launcher.create(
      'c',
      fixture.spec('c', 'trap "exit 6" USR1; echo ready; while :; do sleep 0.01; done', { stopSignal: 10 }),
    );
    await fixture.launcher.start('c');
    await until(
      () => fixture.output('c') === 'ready\n',
      () => 'no output',
    );
    await fixture.launcher.signal(monitor, 15);
    expect((await fixture.ended('c')).exit?.code).toBe(6);
  });
});

describe('signal and waitExit', () => {
  test('are never about a later process of the same number', async () => {
    const { monitor, init } = await fixture.launcher.create('c', fixture.spec('c', 'sleep 1000'));
    await fixture.launcher.start('c');
    const other = { pid: init.pid, startTime: init.startTime - 1 };
    expect(await fixture.launcher.signal(other, 9)).toBe(false);
    await fixture.launcher.waitExit(other, SOON());
    expect(fixture.status('c').state).toBe('running');
    expect(await fixture.launcher.signal(init, 9)).toBe(true);
    await fixture.launcher.waitExit(monitor, SOON());
    expect(await fixture.launcher.signal(init, 9)).toBe(false);
  });

  test('stop waiting when told to', async () => {
    const { init } = await fixture.launcher.create('c', fixture.spec('c', 'sleep 1000'));
    await fixture.launcher.start('c');
    const abort = new AbortController();
    const waiting = fixture.launcher.waitExit(init, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await fixture.launcher.signal(init, 9);
    await fixture.ended('c');
  });

  test('see the end of a created container that is killed before it starts', async () => {
    const { init } = await fixture.launcher.create('c', fixture.spec('c', 'true'));
    await fixture.launcher.signal(init, 9);
    expect(await fixture.ended('c')).toMatchObject({ state: 'stopped', exit: { code: 137, signal: 9 } });
  });
});

test('many containers are made at once', async () => {
  const names = Array.from({ length: 30 }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => fixture.run(name, `echo ${name}`)));
  for (const name of names) expect(fixture.output(name)).toBe(`${name}\n`);
});

test('a missing binary is an error that says so', async () => {
  const launcher = startLauncher({ binary: '/no/launcher', stageDirectory: fixture.stage });
  await expect(launcher.start('c')).rejects.toThrow('it was not created here');
  await expect(launcher.create('c', fixture.spec('c', 'true'))).rejects.toThrow('cannot talk to the launcher `/no/launcher`');
});
