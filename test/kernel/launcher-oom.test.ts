import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readOomCount } from '../../engine/kernel/oom-count.ts';
import type { ProcessIdentity } from '../../engine/model/container.ts';
import type { KernelEvent } from '../../engine/model/kernel-events.ts';
import { makeTestCgroup, type TestCgroup } from './launcher-cgroups.ts';
import { type Fixture, openFixture, until } from './launcher-fixture.ts';

let fixture: Fixture;
let cgroup: TestCgroup;
let events: KernelEvent[];
let changed: () => void;
const running: ProcessIdentity[] = [];

beforeEach(async () => {
  fixture = openFixture();
  cgroup = makeTestCgroup('memory');
  limit(16);
  events = [];
  changed = () => undefined;
  await fixture.launcher.subscribe((event) => {
    events.push(event);
    changed();
  });
});
afterEach(async () => {
  for (const init of running.splice(0)) {
    await fixture.launcher.signal(init, 9);
    await fixture.launcher.waitExit(init, AbortSignal.timeout(20_000));
  }
  // rmdir(2) says EBUSY until the last process has been reaped.
  await until(
    () => readFileSync(join(cgroup.directory, 'cgroup.procs'), 'utf8') === '',
    () => 'processes in the cgroup',
  );
  cgroup.remove();
  await fixture.close();
});

/** At SIGUSR1 a child of it takes more than there is; what it has to say of it, it says when that was killed. */
const GREEDY = "greedy() { sh -c 'x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done'; echo survived; }; trap greedy USR1; echo ready;";
const OWN_GREED = 'trap true USR1; echo ready; sleep 1000 & wait; x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done';
const FOREVER = 'while true; do sleep 1000 & wait; done';
const SIGUSR1 = 10;
const oomFile = (): string => join(cgroup.directory, cgroup.legacy ? 'memory.oom_control' : 'memory.events');
const limit = (mib: number): void =>
  writeFileSync(join(cgroup.directory, cgroup.legacy ? 'memory.limit_in_bytes' : 'memory.max'), String(mib * 1024 ** 2));
/** Not with our own reader. */
const kills = (): number => Number(execFileSync('sed', ['-n', 's/^oom_kill //p', oomFile()], { encoding: 'utf8' }));
const ooms = (): KernelEvent[] => events.filter(({ kind }) => kind === 'oom');

/** Resolves when events have come that satisfy it. */
function told(what: string, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`not told: ${what}; but ${JSON.stringify(events)}`)), 20_000);
    changed = () => {
      if (!holds()) return;
      clearTimeout(deadline);
      resolve();
    };
    changed();
  });
}

async function start(name: string, script: string): Promise<ProcessIdentity> {
  const { init } = await fixture.launcher.create(name, fixture.spec(name, script, { ...cgroup.launch, oomFile: oomFile() }));
  running.push(init);
  await fixture.launcher.start(name);
  await untilSaid(name, 'ready\n');
  return init;
}

function untilSaid(name: string, output: string): Promise<void> {
  return until(
    () => fixture.output(name) === output,
    () => fixture.output(name),
  );
}

/** What the launcher's descriptors are of. */
function descriptors(): string[] {
  const directory = `/proc/${fixture.launcherPid()}/fd`;
  return readdirSync(directory).map((fd) => readlinkSync(join(directory, fd)));
}

test('a child that is killed for want of memory is told each time, and its container goes on', async () => {
  const init = await start('web', `${GREEDY} ${FOREVER}`);
  const { warnings } = await fixture.launcher.subscribeContainer('web', init, oomFile());
  expect(warnings).toEqual([]);
  for (const times of [1, 2]) {
    events.length = 0;
    await fixture.launcher.signal(init, SIGUSR1);
    await told('out of memory', () => ooms().length > 0);
    expect(ooms()[0]).toEqual({ kind: 'oom', container: 'web' });
    await untilSaid('web', `ready\n${'survived\n'.repeat(times)}`);
    expect(readOomCount(oomFile())).toEqual({ cgroup: expect.anything(), kills: kills(), late: cgroup.legacy });
    expect(kills()).toBe(times);
  }
  expect(fixture.status('web').state).toBe('running');
});

test('what ends the container itself is told before its end', async () => {
  const before = descriptors();
  const { init, monitor } = await fixture.launcher.create('web', fixture.spec('web', OWN_GREED, { ...cgroup.launch, oomFile: oomFile() }));
  await fixture.launcher.start('web');
  await untilSaid('web', 'ready\n');
  await fixture.launcher.subscribeContainer('web', init, oomFile());
  // The launcher finds both when it goes on.
  const pid = fixture.launcherPid();
  process.kill(pid, 'SIGSTOP');
  try {
    process.kill(init.pid, 'SIGUSR1');
    await until(
      () => fixture.status('web').state === 'stopped',
      () => JSON.stringify(fixture.status('web')),
    );
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await fixture.launcher.waitExit(monitor, AbortSignal.timeout(20_000));
  await told('out of memory', () => ooms().length > 0);
  expect(descriptors().filter((target) => !before.includes(target))).toEqual([readlinkSync('/proc/self/ns/net')]);
});

test('a container at its limit, of which the kernel kills nothing, is not told of', async () => {
  const init = await start('web', `trap 'dd if=/dev/zero of=/root/big bs=1M count=64; echo written' USR1; echo ready; ${FOREVER}`);
  await fixture.launcher.subscribeContainer('web', init, oomFile());
  await fixture.launcher.signal(init, SIGUSR1);
  await untilSaid('web', 'ready\nwritten\n');
  // An answer follows the events before it.
  await fixture.launcher.unsubscribeContainer('web');
  expect(ooms()).toEqual([]);
});

test('without its file everything else of a container is told, with a warning', async () => {
  const init = await start('web', `${GREEDY} ${FOREVER}`);
  const { warnings } = await fixture.launcher.subscribeContainer('web', init, '/not-there/memory.events');
  expect(warnings).toEqual([
    'processes killed for want of memory in container `web` are not noticed: /not-there/memory.events: No such file or directory',
  ]);
  execFileSync('nsenter', ['-t', String(init.pid), '-n', 'ip', 'link', 'add', 'ts-in', 'type', 'bridge']);
  await told('a link', () => events.some((event) => event.kind === 'link' && event.netns.in === 'container'));
});
