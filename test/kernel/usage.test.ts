import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectCgroupLayout } from '../../engine/kernel/cgroups.ts';
import { sampleUsage } from '../../engine/kernel/usage.ts';
import type { ContainerStats } from '../../engine/model/engine.ts';
import { streamStats } from '../../engine/wiring/stats.ts';
import { listProcesses } from '../../engine/wiring/top.ts';
import { ID_BASE, until } from './launcher-fixture.ts';
import { layoutsOf, openTestStack, type RunningContainer, type TestStack } from './running-container.ts';

const MIB = 2 ** 20;
const detected = detectCgroupLayout();
/** Keeps 32 MiB in a variable, and waits in a child that costs nothing. */
const HOLD_32_MIB = 'x=$(head -c 33554432 /dev/zero | tr "\\0" a); echo ready; sleep 1000; echo $x';

describe.each(layoutsOf(detected))('usage on a $mode host', (layout) => {
  let stack: TestStack;
  beforeAll(() => {
    stack = openTestStack(layout);
  });
  afterAll(() => stack[Symbol.asyncDispose]());
  const sample = ({ path, init }: RunningContainer) => {
    const usage = sampleUsage(layout, { path, initPid: init.pid });
    if (usage === undefined) throw new Error(`${path} has ended`);
    return usage;
  };

  it('counts CPU time, that of processes that have ended too', async () => {
    const burn = 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done';
    const container = await stack.run('cpu-1', `(${burn}) & (${burn}) & wait; echo ready; sleep 1000`);
    const burnt = ticksOfTree(container.init.pid) * 10_000;
    expect(burnt, 'the witness has seen them').toBeGreaterThan(100_000);
    const { cpuUsec } = sample(container);
    // The witness counts whole ticks.
    expect(cpuUsec).toBeGreaterThan(burnt * 0.8);
    expect(cpuUsec).toBeLessThan(burnt * 1.2 + 50_000);
  });

  it.each([
    ['of one without a limit', {}, undefined],
    ['of one with a limit', { memory: 128 * MIB }, 128 * MIB],
  ])('measures memory %s', async (_what, limits, expected) => {
    const container = await stack.run(`memory-${expected === undefined ? 1 : 2}`, HOLD_32_MIB, limits);
    await childrenAre('sleep', childrenOf(container.init.pid)[0] ?? 0);
    const usage = sample(container);
    expect(usage.memoryBytes).toBeGreaterThan(32 * MIB);
    expect(usage.memoryBytes).toBeLessThan(128 * MIB);
    expect(usage.memoryLimitBytes).toBe(expected);
  });

  it('leaves out what the page cache could give back', async () => {
    const script = 'dd if=/dev/zero of=/file bs=1M count=40 2>/dev/null; echo ready; sleep 1000';
    const container = await stack.run('cache-1', script, { memory: 128 * MIB });
    const controller = layout.controllers['memory'];
    const file = controller
      ? `${controller}/${container.path}/memory.usage_in_bytes`
      : `${layout.unified}/${container.path}/memory.current`;
    expect(Number(readFileSync(file, 'utf8')), 'the cache is accounted to the container').toBeGreaterThan(40 * MIB);
    expect(sample(container).memoryBytes).toBeLessThan(40 * MIB);
  });

  it('counts processes against their limit', async () => {
    const script = 'sleep 1000 & sleep 1000 & echo ready; wait';
    const [free, limited] = [await stack.run('pids-1', script), await stack.run('pids-2', script, { pids: 20 })];
    // init, sh, two sleeps
    expect(sample(free).pids).toBe(4);
    expect(sample(limited)).toMatchObject({ pids: 4, pidsLimit: 20 });
  });

  it('counts what was written to the disk', async () => {
    const script = 'dd if=/dev/zero of=/file bs=1M count=8 conv=fsync 2>/dev/null; echo ready; sleep 1000';
    expect(sample(await stack.run('io-1', script)).writtenBytes).toBeGreaterThanOrEqual(8 * MIB);
  });

  it('counts the traffic of all interfaces but loopback', async () => {
    const container = await stack.run('network-1', 'echo ready; sleep 1000');
    const ip = (...argv: string[]) => execFileSync('nsenter', ['-t', `${container.init.pid}`, '-n', 'ip', ...argv], { encoding: 'utf8' });
    ip('link', 'set', 'lo', 'up');
    // No IPv6, which would talk between what the witness sees and what we see.
    ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    ip('link', 'set', 'v1', 'addrgenmode', 'none', 'up');
    ip('address', 'add', '192.0.2.1/24', 'dev', 'v0');
    ip('link', 'set', 'v0', 'addrgenmode', 'none', 'up');
    const send = (to: string) =>
      execFileSync('nsenter', ['-t', `${container.init.pid}`, '-n', process.execPath, '-e', SEND_UDP, to], { encoding: 'utf8' });
    send('192.0.2.255');
    send('127.0.0.1');
    const links = JSON.parse(ip('-j', '-s', 'link')) as { ifname: string; stats64: { rx: { bytes: number }; tx: { bytes: number } } }[];
    const [lo, v0, v1] = ['lo', 'v0', 'v1'].map((name) => links.find(({ ifname }) => ifname === name)?.stats64);
    expect(lo?.tx.bytes).toBeGreaterThan(1000);
    expect(v0?.tx.bytes).toBeGreaterThan(1000);
    expect(v1?.rx.bytes).toBe(v0?.tx.bytes);
    expect(sample(container)).toMatchObject({ receivedBytes: v1?.rx.bytes, sentBytes: v0?.tx.bytes });
  });

  it('of a container that has ended is nothing', async () => {
    const container = await stack.run('ended-1', 'echo ready; sleep 1000');
    await container.kill();
    expect(sampleUsage(layout, { path: container.path, initPid: container.init.pid })).toBeUndefined();
  });
});

describe('stats and top', () => {
  let stack: TestStack;
  beforeAll(() => {
    stack = openTestStack(detected);
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('give each running target its share of a CPU', async () => {
    await stack.run('busy-1', 'echo ready; while :; do :; done');
    await stack.run('idle-1', 'echo ready; sleep 1000');
    const signal = new AbortController().signal;
    const moments: (readonly ContainerStats[])[] = [];
    for await (const moment of streamStats(stack.session, { signal, follow: false, intervalMs: 200 })) moments.push(moment);
    expect(moments).toHaveLength(1);
    const [busy, idle] = ['busy-1', 'idle-1'].map((name) => moments[0]?.find(({ container }) => container === name));
    expect(busy?.service).toBe('busy');
    expect(busy?.cpuPercent).toBeGreaterThan(5);
    expect(idle?.cpuPercent).toBeLessThan(busy?.cpuPercent ?? 0);
  });

  it('end at the signal, and go on without a target that has gone', async () => {
    const one = await stack.run('one-1', 'echo ready; sleep 1000');
    const stop = new AbortController();
    const seen: string[][] = [];
    for await (const moment of streamStats(stack.session, { signal: stop.signal, follow: true, intervalMs: 20, targets: ['one'] })) {
      seen.push(moment.map(({ container }) => container));
      if (moment.length === 0) stop.abort();
      else {
        await one.kill();
        rmSync(`${stack.session.paths.containers}/one-1`, { recursive: true });
      }
    }
    expect(seen).toEqual([['one-1'], []]);
  });

  it('refuse a target that is none', async () => {
    const options = { signal: new AbortController().signal, follow: false, targets: ['nobody'] };
    const first = streamStats(stack.session, options)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: 'not-found' });
    expect(() => listProcesses(stack.session, { targets: ['nobody'] })).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('list processes as the container sees them', async () => {
    const before = Date.now();
    const container = await stack.run('top-1', 'sleep 1000 & sleep 2000 & echo ready; wait');
    const shell = childrenOf(container.init.pid)[0] ?? 0;
    await childrenAre('sleep', shell);
    const listed = listProcesses(stack.session, { targets: ['top'] });
    expect(listed.map(({ containerPid, parentPid, uid, command }) => ({ containerPid, parentPid, uid, command }))).toEqual([
      { containerPid: 1, parentPid: 0, uid: 0, command: 'tsstack-init' },
      { containerPid: 2, parentPid: 1, uid: 0, command: expect.stringMatching(/^\/bin\/sh -c /) },
      { containerPid: 3, parentPid: 2, uid: 0, command: 'sleep 1000' },
      { containerPid: 4, parentPid: 2, uid: 0, command: 'sleep 2000' },
    ]);
    const init = listed[0];
    expect(init?.pid).toBe(container.init.pid);
    expect(readFileSync(`/proc/${container.init.pid}/status`, 'utf8')).toContain(`Uid:\t${ID_BASE}\t`);
    // Seconds since boot, and so the machine's boot time, are whole ones in /proc/stat.
    expect(Math.abs((init?.startedAt ?? 0) - before)).toBeLessThan(30_000);
    expect(init?.memoryBytes).toBeGreaterThan(0);
  });
});

const SEND_UDP = `
const s = require('node:dgram').createSocket('udp4');
s.bind(0, () => { s.setBroadcast(true); s.send(Buffer.alloc(1200), 9, process.argv[1], () => s.close()); });`;

/** Fields 14 to 17: CPU time of a process and of the children it has waited for. By cut(1), since their names have no spaces. */
function ticksOfTree(init: number): number {
  return [init, ...childrenOf(init)].reduce((total, pid) => total + ticksOf(pid), 0);
}

function ticksOf(pid: number): number {
  const fields = execFileSync('cut', ['-d', ' ', '-f', '14-17', `/proc/${pid}/stat`], { encoding: 'utf8' }).split(' ');
  return fields.reduce((total, field) => total + Number(field), 0);
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** A child that was forked and hasn't called exec yet has its parent's name, and shares its memory. */
async function childrenAre(name: string, parent: number): Promise<void> {
  const names = () => childrenOf(parent).map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  await until(
    () => names().length > 0 && names().every((each) => each === name),
    () => `the children of ${parent} are ${names()}`,
  );
}
