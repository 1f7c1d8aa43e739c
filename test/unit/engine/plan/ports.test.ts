import { describe, expect, it } from 'vitest';
import type { PortSpec, StackSpec } from '../../../../dsl/spec.ts';
import type { HostFacts, ListeningSocket } from '../../../../engine/model/facts.ts';
import { allocatePorts, portsWanted } from '../../../../engine/plan/allocate-ports.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { stackIdentity } from '../../../../engine/plan/names.ts';
import { NO_ALLOCATION } from '../../../../engine/store/allocation.ts';
import { facts, port, STACK, service, stack } from '../../../support/plan-world.ts';
import { randomFrom } from './random-stack.ts';

const LOOPBACK = ['127.0.0.1', '::1'];

function any(parts: Partial<PortSpec> = {}): PortSpec {
  return { hostAddresses: LOOPBACK, hostPorts: undefined, strict: true, containerPort: 80, protocol: 'tcp', ...parts };
}
const range = (first: number, last: number, parts: Partial<PortSpec> = {}) => any({ hostPorts: { first, last }, ...parts });

function web(...ports: PortSpec[]): StackSpec {
  return stack({ web: service({ ports }) });
}

function listening(address: string, at: number, protocol: 'tcp' | 'udp' = 'tcp'): ListeningSocket {
  return { protocol, address, port: at, inode: 1, holder: 'nginx (pid 7)' };
}

const others = (...keys: string[]) => ({
  ...NO_ALLOCATION,
  ports: Object.fromEntries(keys.map((key) => [key, 'service `api` of stack `blog` in /srv/blog'])),
});

function give(spec: StackSpec, parts: Partial<HostFacts> = {}) {
  return allocatePorts(spec, { stack: STACK, facts: facts(parts) });
}

/** And again, on a host on which that was given out. */
function giveAgain(spec: StackSpec, before: ReturnType<typeof give>, parts: Partial<HostFacts> = {}) {
  return give(spec, { ...parts, own: { ...NO_ALLOCATION, hostPorts: before.hostPorts, ports: before.ports } });
}

describe('host ports that are declared', () => {
  it('are given on each address that the host can have', () => {
    expect(give(web(range(8080, 8080)))).toEqual({
      hostPorts: {},
      ports: { 'tcp 127.0.0.1:8080': 'web', 'tcp ::1:8080': 'web' },
      notices: [],
      obstacles: [],
    });
    expect(give(web(range(8080, 8080)), { ipv6: false }).ports).toEqual({ 'tcp 127.0.0.1:8080': 'web' });
  });

  it('are said to be left out where the host has no such address', () => {
    const { ports, notices } = give(web(port('::1', 8080, 80)), { ipv6: false });
    expect(ports).toEqual({});
    expect(notices.map(({ message }) => message)).toEqual(['port 80/tcp of `web` is not published on ::1: this host has no IPv6']);
  });

  const foreign = 'is in use by nginx (pid 7), which listens on';
  it.each<[string, PortSpec, Partial<HostFacts>, string | undefined]>([
    ['the same', port('127.0.0.1', 80, 80), { listening: [listening('127.0.0.1', 80)] }, `127.0.0.1:80/tcp ${foreign} 127.0.0.1:80`],
    ['all of them', port('127.0.0.1', 80, 80), { listening: [listening('0.0.0.0', 80)] }, `127.0.0.1:80/tcp ${foreign} 0.0.0.0:80`],
    [
      'one where all are wanted',
      port('0.0.0.0', 80, 80),
      { listening: [listening('10.0.0.1', 80)] },
      `0.0.0.0:80/tcp ${foreign} 10.0.0.1:80`,
    ],
    ['another address', port('127.0.0.1', 80, 80), { listening: [listening('10.0.0.1', 80)] }, undefined],
    ['another protocol', port('127.0.0.1', 80, 80), { listening: [listening('127.0.0.1', 80, 'udp')] }, undefined],
    ['a socket for both families', port('127.0.0.1', 80, 80), { listening: [listening('::', 80)] }, `127.0.0.1:80/tcp ${foreign} [::]:80`],
    ['the other family alone', port('::', 80, 80), { listening: [listening('0.0.0.0', 80)] }, undefined],
    ['the second address', range(80, 80), { listening: [listening('::1', 80)] }, `[::1]:80/tcp ${foreign} [::1]:80`],
    [
      'another stack',
      port('127.0.0.1', 80, 80),
      { others: others('tcp 0.0.0.0:80') },
      '127.0.0.1:80/tcp is published by service `api` of stack `blog` in /srv/blog',
    ],
    ['another stack, in IPv6 alone', port('127.0.0.1', 80, 80), { others: others('tcp :::80') }, undefined],
  ])('are refused or not if somebody has %s', (_, wanted, parts, message) => {
    const { obstacles } = give(web(wanted), parts);
    expect(obstacles.map((one) => one.message)).toEqual(message === undefined ? [] : [`cannot start service \`web\`: port ${message}`]);
  });

  it('go to whoever has no choice, and others make way', () => {
    const spec = stack({ a: service({ ports: [range(8080, 8090)] }), b: service({ ports: [range(8080, 8080)] }) });
    expect(give(spec)).toMatchObject({ hostPorts: { 'a 80/tcp 8080-8090 0': 8081 }, obstacles: [] });
  });

  it('are not given to services without containers', () => {
    expect(give(stack({ web: service({ replicas: 0, ports: [range(8080, 8080), any()] }) }))).toMatchObject({ hostPorts: {}, ports: {} });
  });
});

describe('a range', () => {
  const taken = { listening: [listening('0.0.0.0', 8080)], others: others('tcp 127.0.0.1:8081') };

  it('has its first free port taken', () => {
    expect(give(web(range(8080, 8085)), taken)).toMatchObject({ hostPorts: { 'web 80/tcp 8080-8085 0': 8082 }, notices: [] });
  });

  it('that is full is refused, with all who have it', () => {
    const [obstacle] = give(web(range(8080, 8081)), taken).obstacles;
    expect(obstacle?.message).toBe(
      'cannot start service `web`: no port of 8080-8081/tcp is free on 127.0.0.1 and ::1: they are in use by nginx (pid 7), which listens on 0.0.0.0:8080, published by service `api` of stack `blog` in /srv/blog',
    );
  });

  it('is left upwards if it is not strict, which is said', () => {
    const { hostPorts, notices } = give(web(range(8080, 8080, { strict: false })), taken);
    expect(hostPorts).toEqual({ 'web 80/tcp 8080-8080 0': 8082 });
    expect(notices.map(({ message }) => message)).toEqual([
      'port 8080 of `web` is in use by nginx (pid 7), which listens on 0.0.0.0:8080; published on 8082',
    ]);
  });

  it('keeps what it moved to when the port it wanted is free again, until another one is declared', () => {
    const moved = give(web(range(8080, 8080, { strict: false })), taken);
    const again = giveAgain(web(range(8080, 8080, { strict: false })), moved);
    expect(again.hostPorts).toEqual(moved.hostPorts);
    expect(again.notices.map(({ message }) => message)).toEqual(['port 8080 of `web` is published on 8082, as before']);
    expect(giveAgain(web(range(8070, 8070, { strict: false })), moved).hostPorts).toEqual({ 'web 80/tcp 8070-8070 0': 8070 });
  });
});

describe('a port that is left to us', () => {
  it('is one that no outgoing connection has, and the same for the same stack', () => {
    const { hostPorts, ports } = give(web(any()));
    const chosen = hostPorts['web 80/tcp 0'] ?? 0;
    expect(chosen).toBeGreaterThan(60999);
    expect(ports).toEqual({ [`tcp 127.0.0.1:${chosen}`]: 'web', [`tcp ::1:${chosen}`]: 'web' });
    expect(give(web(any())).hostPorts).toEqual(hostPorts);
  });

  it('is another one for another instance, or if somebody has it', () => {
    const mine = give(web(any()));
    const two = allocatePorts(web(any()), { stack: stackIdentity('shop', '/srv/shop', 'two'), facts: facts() });
    expect(two.hostPorts).not.toEqual(mine.hostPorts);
    const [first = 0] = Object.values(mine.hostPorts);
    const second = give(web(any()), { listening: [listening('::', first)], others: others(`tcp 0.0.0.0:${first + 1}`) });
    expect(Object.values(second.hostPorts)).toEqual([first + 2]);
  });

  it('is kept when others come and go, and when it is published on other addresses', () => {
    const before = give(web(any()));
    const udp = any({ protocol: 'udp' });
    const after = giveAgain(web(udp, range(8080, 8080), any({ hostAddresses: ['0.0.0.0'] })), before);
    expect(after.hostPorts['web 80/tcp 0']).toBe(before.hostPorts['web 80/tcp 0']);
    expect(Object.keys(after.hostPorts).sort()).toEqual(['web 80/tcp 0', 'web 80/udp 0']);
  });

  it('is below the range of outgoing connections when all above are taken', () => {
    const above = Array.from({ length: 4536 }, (_, i) => listening('0.0.0.0', 61000 + i));
    const [chosen = 0] = Object.values(give(web(any()), { listening: above }).hostPorts);
    expect(chosen).toBeLessThan(32768);
    expect(chosen).toBeGreaterThan(1023);
  });
});

describe('ports that a stack has yet to get', () => {
  const spec = web(range(8080, 8080), range(9000, 9010), any({ containerPort: 81 }));
  const had = (parts: Partial<HostFacts> = {}) => ({ ipv6: true, ...parts, own: { ...NO_ALLOCATION, ...give(spec, parts) } });

  it('are all of them at first, and none when each was given out', () => {
    expect(portsWanted(spec, { ipv6: true, own: NO_ALLOCATION })).toHaveLength(3);
    expect(portsWanted(spec, had())).toEqual([]);
    expect(portsWanted(spec, had({ ipv6: false }))).toEqual([]);
  });

  it.each<[string, StackSpec, PortSpec[]]>([
    ['another port', web(range(8080, 8080), range(8081, 8081)), [range(8081, 8081)]],
    ['another range, though one of its ports is held', web(range(8080, 8080), range(8080, 8090)), [range(8080, 8090)]],
    ['another address', web(port('0.0.0.0', 8080, 80)), [port('0.0.0.0', 8080, 80)]],
    ['another service', stack({ api: service({ ports: [range(8080, 8080)] }) }), [range(8080, 8080)]],
  ])('are those of %s', (_what, changed, wanted) => {
    expect(portsWanted(changed, had())).toEqual(wanted);
  });
});

describe('where ports lead', () => {
  const lead = (ports: PortSpec[], parts: Partial<HostFacts> = {}) => {
    const { desired } = lower(stack({ web: service({ replicas: 2, ports }) }), STACK, facts(parts));
    return desired.ports.map(({ hostAddress, hostPort, by, targets }) => [
      hostAddress,
      hostPort,
      by,
      targets.map(({ container }) => container),
    ]);
  };

  it('the kernel leads IPv4, and we what comes to ::1', () => {
    expect(lead([range(8080, 8080)])).toEqual([
      ['127.0.0.1', 8080, 'kernel', ['web-1', 'web-2']],
      ['::1', 8080, 'proxy', ['web-1', 'web-2']],
    ]);
  });

  it('containers are remembered with what they were given', () => {
    const { desired } = lower(web(range(8080, 8089)), STACK, facts({ ipv6: false, listening: [listening('0.0.0.0', 8080)] }));
    const records = desired.resources.flatMap((one) => (one.kind === 'container' ? [one.spec.record.ports] : []));
    expect(records).toEqual([[{ hostAddress: '127.0.0.1', hostPort: 8081, containerPort: 80, protocol: 'tcp' }]]);
  });
});

describe.each(Array.from({ length: 100 }, (_, i) => i + 1))('random stacks in a random world (%i)', (seed) => {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const number = () => 8000 + Math.floor(random() * 6);
  const addresses = [['127.0.0.1'], ['0.0.0.0'], ['::1'], ['::'], LOOPBACK, ['0.0.0.0', '::'], ['10.0.0.1']];
  const randomPort = (): PortSpec => {
    const first = number();
    const hostPorts = pick([undefined, { first, last: first }, { first, last: first + 3 }]);
    return any({
      hostAddresses: pick(addresses),
      hostPorts,
      strict: random() < 0.6,
      protocol: pick(['tcp', 'udp']),
      containerPort: pick([80, 81]),
    });
  };
  const randomSpec = () =>
    stack(
      Object.fromEntries(['a', 'b', 'c'].map((name) => [name, service({ ports: Array.from({ length: pick([0, 1, 3]) }, randomPort) })])),
    );
  const socket = () => listening(pick(addresses.flat()), number(), pick(['tcp', 'udp']));
  const world = (): Partial<HostFacts> => ({
    ipv6: random() < 0.8,
    listening: Array.from({ length: pick([0, 2]) }, socket),
    others: others(
      ...Array.from({ length: pick([0, 2]) }, socket).map(({ protocol, address, port: at }) => `${protocol} ${address}:${at}`),
    ),
  });
  const split = (key: string) => /^(\w+) (.*):(\d+)$/.exec(key)?.slice(1) ?? [];
  const clash = (one: string, other: string) => {
    const [[protocol, address = '', at], [otherProtocol, otherAddress = '', otherAt]] = [split(one), split(other)];
    const wild = (text: string) => text === '0.0.0.0' || text === '::';
    const family = address.includes(':') === otherAddress.includes(':');
    return protocol === otherProtocol && at === otherAt && (address === otherAddress || (family && (wild(address) || wild(otherAddress))));
  };

  it('no two ports clash, and what a stack has it keeps when others come', () => {
    const spec = randomSpec();
    const before = world();
    const given = give(spec, before);
    const keys = Object.keys(given.ports);
    const foreign = (before.listening ?? []).map(({ protocol, address, port: at }) => `${protocol} ${address}:${at}`);
    for (const [i, key] of keys.entries())
      for (const other of [...keys.slice(i + 1), ...Object.keys(before.others?.ports ?? {}), ...foreign])
        expect(clash(key, other), `${key} and ${other}`).toBe(false);
    for (const key of keys) if (before.ipv6 === false) expect(key).not.toMatch(/ .*:.*:/);

    const wanted = Object.values(spec.services).flatMap(({ ports }) => ports).length;
    expect(new Set(Object.values(given.hostPorts)).size + given.obstacles.length).toBeLessThanOrEqual(wanted);

    // Whoever comes now can't take what is held.
    const free = (one: ListeningSocket) =>
      !keys.some((key) => clash(key, `${one.protocol} ${one.address}:${one.port}`)) && one.address !== '::';
    const more = Array.from({ length: 3 }, socket).filter(free);
    const again = giveAgain(spec, given, { ...before, listening: [...(before.listening ?? []), ...more] });
    expect(again.ports).toEqual(given.ports);
    expect(again.hostPorts).toEqual(given.hostPorts);
  });
});
