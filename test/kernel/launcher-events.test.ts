import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Launcher } from '../../engine/kernel/launcher.ts';
import type { ProcessIdentity } from '../../engine/model/container.ts';
import type { KernelEvent } from '../../engine/model/kernel-events.ts';
import { BINARY, type Fixture, openFixture } from './launcher-fixture.ts';

let fixture: Fixture;
let launcher: Launcher;
let events: KernelEvent[];
let changed: () => void;
const running = new Map<string, ProcessIdentity>();

beforeEach(async () => {
  fixture = openFixture();
  launcher = fixture.launcher;
  events = [];
  changed = () => undefined;
  await launcher.subscribe((event) => {
    events.push(event);
    changed();
  });
});
afterEach(async () => {
  for (const name of [...running.keys()]) await stop(name);
  run("ip -o link show | sed -n 's/^[0-9]*: \\(ts-[a-z]*\\).*/\\1/p' | while read name; do ip link del $name || true; done");
  await fixture.close();
});

const run = (command: string): string => execFileSync('sh', ['-ec', command], { encoding: 'utf8' });
// Not from /sys, which is the real host's.
const ifindexOf = (name: string): number => Number(run(`ip -o link show ${name}`).split(':')[0]);
const HOST = { in: 'host' } as const;
const inside = (container: string) => ({ in: 'container', container }) as const;

/** Resolves at the first event, come or to come, that has these fields. */
function told(wanted: Partial<Record<keyof KernelEvent | 'change' | 'netns' | 'ifindex' | 'container', unknown>>): Promise<void> {
  const fields = Object.entries(wanted);
  const matches = (event: KernelEvent): boolean =>
    fields.every(([key, value]) => JSON.stringify(Reflect.get(event, key)) === JSON.stringify(value));
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(
      () => reject(new Error(`no ${JSON.stringify(wanted)} in ${events.map((event) => JSON.stringify(event)).join('\n')}`)),
      10_000,
    );
    changed = () => {
      if (!events.some(matches)) return;
      clearTimeout(deadline);
      resolve();
    };
    changed();
  });
}

/** What the launcher's descriptors are of. */
function descriptors(): string[] {
  const directory = `/proc/${fixture.launcherPid()}/fd`;
  return readdirSync(directory).map((fd) => readlinkSync(join(directory, fd)));
}

/** Every event of what was done before has come by then: an answer follows the events that were read before it, and this is one more. */
async function settle(): Promise<void> {
  run('ip link add ts-last type bridge');
  const ifindex = ifindexOf('ts-last');
  run('ip link del ts-last');
  await told({ kind: 'link', change: 'deleted', netns: HOST, ifindex });
}

/** A stopped launcher reads nothing. */
function whileStopped(act: () => void): void {
  const pid = fixture.launcherPid();
  process.kill(pid, 'SIGSTOP');
  try {
    act();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

function changeOften(name: string, times: number): void {
  run(`for i in $(seq ${times / 2}); do echo 'link set ${name} mtu 1400'; echo 'link set ${name} mtu 1500'; done | ip -batch -`);
}

async function start(name: string, change: Parameters<Fixture['spec']>[2] = {}): Promise<ProcessIdentity> {
  const { init } = await launcher.create(name, fixture.spec(name, 'sleep 1000', change));
  running.set(name, init);
  await launcher.start(name);
  return init;
}

async function stop(name: string): Promise<void> {
  const init = running.get(name);
  running.delete(name);
  if (init !== undefined) await launcher.signal(init, 9);
  await fixture.ended(name);
}

describe('events of the host', () => {
  test('tell of a link that comes and goes, with its index', async () => {
    run('ip link add ts-link type bridge');
    const ifindex = ifindexOf('ts-link');
    await told({ kind: 'link', change: 'new', netns: HOST, ifindex });
    run('ip link del ts-link');
    await told({ kind: 'link', change: 'deleted', netns: HOST, ifindex });
  });

  test('take a port that leaves its bridge for a change of the link, not for its end', async () => {
    run('ip link add ts-bridge type bridge; ip link add ts-link type veth peer name ts-peer; ip link set ts-link master ts-bridge');
    const ifindex = ifindexOf('ts-link');
    await settle();
    events.length = 0;
    run('ip link set ts-link nomaster');
    await told({ kind: 'link', change: 'new', netns: HOST, ifindex });
    await settle();
    expect(events).not.toContainEqual(expect.objectContaining({ kind: 'link', change: 'deleted', ifindex }));
    run('ip link del ts-link; ip link del ts-bridge');
  });

  test('tell of addresses and routes', async () => {
    run('ip link add ts-link type bridge; ip link set ts-link up');
    const ifindex = ifindexOf('ts-link');
    run('ip address add 192.0.2.1/24 dev ts-link; ip route add 198.51.100.0/24 via 192.0.2.2');
    await told({ kind: 'address', change: 'new', netns: HOST, ifindex });
    await told({ kind: 'route', change: 'new', netns: HOST, ifindex });
    run('ip route del 198.51.100.0/24');
    await told({ kind: 'route', change: 'deleted', netns: HOST, ifindex });
    run('ip address del 192.0.2.1/24 dev ts-link');
    await told({ kind: 'address', change: 'deleted', netns: HOST, ifindex });
    run('ip link del ts-link');
  });

  test('tell of a queueing discipline that comes and goes, with the index of its link', async () => {
    run('ip link add ts-link type bridge');
    const ifindex = ifindexOf('ts-link');
    run('tc qdisc add dev ts-link root handle 1: htb');
    await told({ kind: 'traffic-control', change: 'new', netns: HOST, ifindex });
    run('tc qdisc delete dev ts-link root');
    await told({ kind: 'traffic-control', change: 'deleted', netns: HOST, ifindex });
    run('ip link del ts-link');
  });

  test("say nothing of the local table's routes", async () => {
    run('ip route add local 192.0.2.0/24 dev lo table local; ip route del local 192.0.2.0/24 dev lo table local');
    await settle();
    expect(events.filter(({ kind }) => kind === 'route')).toEqual([]);
  });

  test('tell that forwarding was switched, by whatever process', async () => {
    const other = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '0' ? '1' : '0';
    // In a /proc of its own, where inotify would not see it.
    run(`unshare --pid --fork --mount-proc sh -c 'echo ${other} > /proc/sys/net/ipv4/ip_forward'`);
    await told({ kind: 'netconf', change: 'new', netns: HOST, ifindex: 0 });
  });

  test('tell of rules that iptables adds and flushes', async () => {
    run('iptables -A FORWARD -s 192.0.2.1 -j ACCEPT');
    await told({ kind: 'rules' });
    await settle();
    events.length = 0;
    run('iptables -F');
    await told({ kind: 'rules' });
  });

  test('tell of equal changes once if they are read together', async () => {
    run('ip link add ts-link type bridge');
    const ifindex = ifindexOf('ts-link');
    await settle();
    events.length = 0;
    whileStopped(() => changeOften('ts-link', 50));
    run('ip link del ts-link');
    await told({ kind: 'link', change: 'deleted', netns: HOST, ifindex });
    const changes = events.filter((event) => event.kind === 'link' && event.ifindex === ifindex && event.change === 'new');
    // One for the fifty; what comes with the deletion may be read later.
    expect(changes.length).toBeLessThanOrEqual(3);
  });

  test('are told to the last who subscribed', async () => {
    const first = events;
    const second: KernelEvent[] = [];
    const heard = new Promise<void>((resolve) => {
      void launcher.subscribe((event) => {
        second.push(event);
        resolve();
      });
    });
    await launcher.subscribeContainer('none', { pid: process.pid, startTime: 1 });
    first.length = 0;
    run('ip link add ts-link type bridge; ip link del ts-link');
    await heard;
    expect(second[0]).toMatchObject({ netns: HOST });
    expect(first).toEqual([]);
  });
});

describe('more events than fit', () => {
  test('are told as a loss, and the next ones come', async () => {
    run('ip link add ts-link type bridge');
    // 1 MiB of messages of some 1.5 KiB each.
    whileStopped(() => changeOften('ts-link', 3000));
    await told({ kind: 'lost', netns: HOST });
    const ifindex = ifindexOf('ts-link');
    run('ip link del ts-link');
    await told({ kind: 'link', change: 'deleted', netns: HOST, ifindex });
  });
});

describe.each([true, false])('events of a container, with a user namespace: %s', (mapped) => {
  const change = mapped ? {} : { idMap: undefined };

  test('tell of its links, addresses and routes, under its name', async () => {
    const init = await start('web', change);
    await launcher.subscribeContainer('web', init);
    const netns = inside('web');
    const net = (command: string): string => run(`nsenter -t ${init.pid} -n ip ${command}`);
    net('link add ts-in type bridge');
    const ifindex = Number(net('-o link show ts-in').split(':')[0]);
    await told({ kind: 'link', change: 'new', netns, ifindex });
    net('link set ts-in up');
    net('address add 192.0.2.1/24 dev ts-in');
    await told({ kind: 'address', change: 'new', netns, ifindex });
    net('route add default via 192.0.2.2');
    await told({ kind: 'route', change: 'new', netns, ifindex });
    net('route del default');
    await told({ kind: 'route', change: 'deleted', netns, ifindex });
    net('address del 192.0.2.1/24 dev ts-in');
    await told({ kind: 'address', change: 'deleted', netns, ifindex });
    net('link del ts-in');
    await told({ kind: 'link', change: 'deleted', netns, ifindex });
  });

  test('tell of its mounts when they change, and not by themselves', async () => {
    const init = await start('web', { ...change, mounts: [{ type: 'tmpfs', target: '/data', data: '', readOnly: false }] });
    await launcher.subscribeContainer('web', init);
    run(`nsenter -t ${init.pid} -m /bin/busybox umount /data`);
    await told({ kind: 'mounts', container: 'web' });
    await settle();
    expect(events.filter(({ kind }) => kind === 'mounts').length).toBeLessThanOrEqual(2);
    events.length = 0;
    run(`nsenter -t ${init.pid} -m /bin/busybox mount -t tmpfs none /tmp`);
    await told({ kind: 'mounts', container: 'web' });
  });
});

describe('a subscription to a container', () => {
  test('leaves the launcher in its own network namespace', async () => {
    const init = await start('web');
    await launcher.subscribeContainer('web', init);
    expect(readlinkSync(`/proc/${fixture.launcherPid()}/ns/net`)).toBe(readlinkSync('/proc/self/ns/net'));
  });

  test("ends with the container's init, and keeps nothing of it", async () => {
    const before = descriptors();
    const init = await start('web');
    run(`ip link add ts-host type veth peer name ts-peer netns ${init.pid}`);
    const ifindex = ifindexOf('ts-host');
    await launcher.subscribeContainer('web', init);
    expect(descriptors().length).toBeGreaterThan(before.length);
    await stop('web');
    // The veth goes with the network namespace, which an open socket in there would hold.
    await told({ kind: 'link', change: 'deleted', netns: HOST, ifindex });
    // Our way home stays open.
    expect(descriptors().filter((target) => !before.includes(target))).toEqual([readlinkSync('/proc/self/ns/net')]);
  });

  test("tells nothing of the host's links as a container's, whose network the host's is", async () => {
    const init = await start('web', { network: { kind: 'host' } });
    await launcher.subscribeContainer('web', init);
    await settle();
    expect(events.filter((event) => 'netns' in event && event.netns.in === 'container')).toEqual([]);
    run(`nsenter -t ${init.pid} -m /bin/busybox mount -t tmpfs none /tmp`);
    await told({ kind: 'mounts', container: 'web' });
  });

  test('ends when told to, and is nothing for a process that is gone', async () => {
    const init = await start('web');
    await launcher.subscribeContainer('gone', { ...init, startTime: init.startTime - 1 });
    await launcher.subscribeContainer('web', init);
    await launcher.unsubscribeContainer('web');
    await launcher.unsubscribeContainer('web');
    run(`nsenter -t ${init.pid} -n ip link set lo down; nsenter -t ${init.pid} -n ip link set lo up`);
    await settle();
    expect(events.filter((event) => 'netns' in event && event.netns.in === 'container')).toEqual([]);
  });

  test('is of the later process of that name', async () => {
    const [first, second] = [await start('a'), await start('b')];
    await launcher.subscribeContainer('web', first);
    await launcher.subscribeContainer('web', second);
    const touch = (init: ProcessIdentity): string => run(`nsenter -t ${init.pid} -n ip link add ts-in type bridge`);
    touch(first);
    await settle();
    expect(events.filter((event) => 'netns' in event && event.netns.in === 'container')).toEqual([]);
    touch(second);
    await told({ kind: 'link', change: 'new', netns: inside('web') });
  });

  test('is one of many', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `web-${index}`);
    const inits = await Promise.all(names.map((name) => start(name)));
    await Promise.all(inits.map((init, index) => launcher.subscribeContainer(`web-${index}`, init)));
    for (const init of inits) run(`nsenter -t ${init.pid} -n ip link add ts-in type bridge`);
    for (const name of names) await told({ kind: 'link', change: 'new', netns: inside(name) });
  });
});

describe('the end of the launcher', () => {
  test('is told with its reason when it is killed', async () => {
    process.kill(fixture.launcherPid(), 'SIGKILL');
    expect((await launcher.ended).message).toContain('it was ended by SIGKILL');
    await expect(launcher.subscribeContainer('web', { pid: process.pid, startTime: 1 })).rejects.toThrow('it was ended by SIGKILL');
  });

  test('is told when it was told to end', async () => {
    await launcher[Symbol.asyncDispose]();
    expect((await launcher.ended).message).toContain('it was told to end');
  });
});

test('listening does not keep Node alive', async () => {
  const bundle = join(fixture.directory, 'listen.mjs');
  const contents = `
    import { startLauncher } from ${JSON.stringify(join(import.meta.dirname, '../../engine/kernel/launcher.ts'))};
    const launcher = startLauncher(${JSON.stringify({ binary: BINARY, stageDirectory: fixture.stage })});
    await launcher.subscribe(() => undefined);
    console.log('subscribed');`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  expect(execFileSync(process.execPath, [bundle], { encoding: 'utf8', timeout: 20_000 })).toBe('subscribed\n');
});
