import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { faultDrift } from '../../engine/codec/fault-tree.ts';
import { type LinkExecutors, linkExecutors, observeLinks } from '../../engine/kernel/links.ts';
import { type NetworkNamespaces, openNetworkNamespaces } from '../../engine/kernel/network-namespaces.ts';
import { faultExecutors, hasQdisc, observeFaults } from '../../engine/kernel/qdiscs.ts';
import type { FaultSpec, FaultState } from '../../engine/model/faults.ts';
import { missing, newNetns, type TestNetns } from './netlink-fixture.ts';

const MARK = { ifalias: 'tsstack:shop/x#3f9a1c2e', group: 4711, mtu: undefined };

/** All that comes from the first container is lost. */
const LOST: FaultSpec = {
  ifname: 'tv-b',
  hash: 0x1234567,
  classes: [{ rate: undefined, queue: { kind: 'drop' } }],
  filters: [{ sources: ['10.9.0.1', 'fd00:9::1'], loss: 1, lost: 0, passed: undefined }],
};
const SLOW: FaultSpec = {
  ifname: 'tv-b',
  hash: 0x2345678,
  classes: [
    { rate: undefined, queue: { kind: 'drop' } },
    { rate: 8_000_000, queue: { kind: 'fifo' } },
  ],
  filters: [
    { sources: ['10.9.0.9'], loss: 0.5, lost: 0, passed: undefined },
    { sources: ['10.9.0.1', 'fd00:9::1'], loss: 0, lost: undefined, passed: 1 },
  ],
};

describe.skipIf(missing !== undefined)(`faults on a link ${missing ?? ''}`, () => {
  const { signal } = new AbortController();
  let host: TestNetns;
  let a: TestNetns;
  let b: TestNetns;
  let namespaces: NetworkNamespaces;
  let links: LinkExecutors;

  beforeEach(async () => {
    [host, a, b] = await Promise.all([newNetns(), newNetns(), newNetns()]);
    namespaces = openNetworkNamespaces((name) => (name === 'a' ? a.pid : b.pid), host.path);
    links = linkExecutors({ namespaces });
    await links['link.create']({ kind: 'link.create', link: { type: 'bridge', ifname: 'ts-br', ...MARK } }, signal);
    for (const [name, netns, last] of [
      ['a', a, 1],
      ['b', b, 2],
    ] as const) {
      const veth = {
        type: 'veth',
        ifname: `tv-${name}`,
        master: 'ts-br',
        container: name,
        peerIfname: 'eth0',
        hairpin: false,
        ...MARK,
      } as const;
      await links['link.create']({ kind: 'link.create', link: { ...veth, peerAddress: `02:74:0a:09:00:0${last}` } }, signal);
      netns.ip('address', 'add', `10.9.0.${last}/24`, 'dev', 'eth0');
      netns.ip('address', 'add', `fd00:9::${last}/64`, 'dev', 'eth0', 'nodad');
    }
  });
  afterEach(async () => {
    namespaces[Symbol.dispose]();
    await Promise.all([host, a, b].map((netns) => netns[Symbol.asyncDispose]()));
  });

  const executors = () => faultExecutors({ host: () => namespaces.host });
  const set = (fault: FaultSpec, observed?: FaultState) => executors()['fault.set']({ kind: 'fault.set', fault, observed }, signal);
  const observed = (): readonly FaultState[] => observeFaults(namespaces.host, observeLinks(namespaces.host));
  const now = (): FaultState => {
    const [state] = observed();
    if (state === undefined) throw new Error('no faults were observed');
    return state;
  };
  const inside = (netns: TestNetns, ...argv: string[]) =>
    execFileSync('nsenter', [`--net=${netns.path}`, ...argv], { encoding: 'utf8', stdio: 'pipe' });
  const tc = (...argv: string[]) => JSON.parse(inside(host, 'tc', '-j', ...argv) || '[]') as Record<string, unknown>[];
  const reaches = (from: TestNetns, address: string): boolean => {
    try {
      inside(from, 'busybox', 'ping', '-c', '1', '-W', '1', address);
      return true;
    } catch {
      return false;
    }
  };

  test('nothing is there, and packets pass', () => {
    expect(observed()).toEqual([]);
    expect([reaches(a, '10.9.0.2'), reaches(a, 'fd00:9::2')]).toEqual([true, true]);
  });

  test('what comes from those addresses is lost, of both families, and nothing else', async () => {
    await set(LOST);
    expect([reaches(a, '10.9.0.2'), reaches(a, 'fd00:9::2')]).toEqual([false, false]);
    a.ip('address', 'add', '10.9.0.7/24', 'dev', 'eth0');
    expect(() => inside(a, 'busybox', 'ping', '-c', '1', '-W', '1', '-I', '10.9.0.7', '10.9.0.2')).not.toThrow();
    const drops = { minor: 1, queue: { kind: 'pfifo', limit: 0 } };
    expect(now()).toMatchObject({ ifname: 'tv-b', filters: [{ priority: 1, handle: 0x1234567 }], classes: [drops] });
    expect(faultDrift(LOST, now())).toBeUndefined();
  });

  test('tc sees an htb with its classes, queues and filters', async () => {
    await set(SLOW);
    const qdiscs = tc('qdisc', 'show', 'dev', 'tv-b').map(({ kind, handle, parent, root }) => ({ kind, handle: root && handle, parent }));
    // The kernel keeps them in a hash table.
    expect(qdiscs.toSorted((one, other) => String(one.parent ?? '').localeCompare(String(other.parent ?? '')))).toEqual([
      { kind: 'htb', handle: '7473:', parent: undefined },
      { kind: 'pfifo', handle: undefined, parent: '7473:1' },
      { kind: 'bfifo', handle: undefined, parent: '7473:2' },
    ]);
    // tc has no JSON for classes.
    expect(inside(host, 'tc', 'class', 'show', 'dev', 'tv-b')).toMatch(/^class htb 7473:2 root leaf \w+: prio 0 rate 8Mbit ceil 8Mbit/m);
    expect(new Set(tc('filter', 'show', 'dev', 'tv-b').map(({ pref, kind }) => `${pref} ${kind}`))).toEqual(new Set(['1 bpf', '2 bpf']));
  });

  test('a change puts the new beside the old and takes the old out, there and back', async () => {
    await set(LOST);
    await set(SLOW, now());
    expect(now()).toMatchObject({
      filters: [{ handle: SLOW.hash }, { handle: SLOW.hash }],
      classes: [{ minor: 0x4001 }, { minor: 0x4002 }],
    });
    expect(reaches(a, '10.9.0.2')).toBe(true);
    await set(LOST, now());
    expect(now()).toMatchObject({ filters: [{ handle: LOST.hash }], classes: [{ minor: 1 }] });
    expect(reaches(a, '10.9.0.2')).toBe(false);
  });

  test('what somebody has deleted of it, or a change that was cut off, is made whole', async () => {
    await set(LOST);
    inside(host, 'tc', 'filter', 'delete', 'dev', 'tv-b', 'pref', '1');
    expect(reaches(a, '10.9.0.2')).toBe(true);
    await set(LOST, now());
    expect(reaches(a, '10.9.0.2')).toBe(false);
    // Of both generations.
    inside(host, 'tc', 'class', 'add', 'dev', 'tv-b', 'parent', '7473:', 'classid', '7473:1', 'htb', 'rate', '1mbit');
    expect(
      now()
        .classes.map(({ minor }) => minor)
        .toSorted(),
    ).toEqual([1, 0x4001]);
    await set(LOST, now());
    expect(now()).toMatchObject({ classes: [{ minor: 1 }] });
    expect(reaches(a, '10.9.0.2')).toBe(false);
  });

  test.each<readonly [string, readonly string[], string]>([
    ['rate', ['class', 'change', 'dev', 'tv-b', 'classid', '7473:2', 'htb', 'rate', '1mbit'], 'class 7473:2 has another rate'],
    [
      'ceiling',
      ['class', 'change', 'dev', 'tv-b', 'classid', '7473:2', 'htb', 'rate', '8mbit', 'ceil', '9mbit'],
      'class 7473:2 has another rate',
    ],
    ['queue’s length', ['qdisc', 'change', 'dev', 'tv-b', 'parent', '7473:2', 'bfifo', 'limit', '9000'], 'class 7473:2 has another queue'],
    ['queue’s kind', ['qdisc', 'replace', 'dev', 'tv-b', 'parent', '7473:1', 'bfifo', 'limit', '9000'], 'class 7473:1 has another queue'],
  ])('another %s, given to what is there by hand, is seen and put right', async (_, argv, drift) => {
    await set(SLOW);
    expect(faultDrift(SLOW, now())).toBeUndefined();
    inside(host, 'tc', ...argv);
    expect(faultDrift(SLOW, now())).toBe(drift);
    await set(SLOW, now());
    expect(faultDrift(SLOW, now())).toBeUndefined();
    expect(inside(host, 'tc', 'class', 'show', 'dev', 'tv-b')).toMatch(/rate 8Mbit ceil 8Mbit/);
  });

  test('deleted, nothing is left; and again is no error', async () => {
    await set(SLOW);
    await executors()['fault.delete']({ kind: 'fault.delete', ifname: 'tv-b' }, signal);
    expect(observed()).toEqual([]);
    expect(tc('qdisc', 'show', 'dev', 'tv-b').map(({ kind }) => kind)).toEqual(['noqueue']);
    await executors()['fault.delete']({ kind: 'fault.delete', ifname: 'tv-b' }, signal);
  });

  test('somebody else’s root is an error that names it, and stays', async () => {
    inside(host, 'tc', 'qdisc', 'add', 'dev', 'tv-b', 'root', 'handle', '1:', 'htb');
    await expect(set(LOST)).rejects.toMatchObject({
      message: expect.stringMatching(/^cannot put faults on link `tv-b`: RTM_NEWQDISC failed with EEXIST/),
      hint: expect.stringContaining('`tc qdisc delete dev tv-b root`'),
    });
    expect(tc('qdisc', 'show', 'dev', 'tv-b').map(({ handle }) => handle)).toEqual(['1:']);
  });

  test('what can’t be made leaves nothing behind, or what was there before', async () => {
    const broken = { ...LOST, hash: 7, classes: [], filters: [{ sources: [], loss: 0, lost: undefined, passed: undefined }] };
    const twice = { ...broken, classes: [{ rate: 1, queue: { kind: 'fifo' as const } }] };
    await expect(set(twice)).rejects.toThrow('cannot put faults on link `tv-b`');
    expect(observed()).toEqual([]);
    await set(LOST);
    await expect(set(twice, now())).rejects.toThrow('cannot put faults on link `tv-b`');
    expect(now()).toMatchObject({ filters: [{ handle: LOST.hash }], classes: [{ minor: 1 }] });
  });

  test('a kind of qdisc is asked for without making one', async () => {
    expect(await hasQdisc(namespaces.host, 'htb')).toBe(true);
    expect(await hasQdisc(namespaces.host, 'nosuch')).toBe(false);
    expect(tc('qdisc', 'show', 'dev', 'lo').map(({ kind }) => kind)).toEqual(['noqueue']);
  });
});
