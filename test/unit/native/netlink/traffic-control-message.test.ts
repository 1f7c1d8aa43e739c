import { expect, test } from 'vitest';
import type { Message } from '../../../../native/netlink/message.ts';
import {
  deleteClass,
  deleteFilters,
  deleteRoot,
  getClasses,
  getQdiscs,
  newBpfFilter,
  newHtb,
  newHtbClass,
  newQueue,
  probeQdisc,
} from '../../../../native/netlink/traffic-control-message.ts';
import { decodeHtbClass, decodeQueue, decodeTrafficControl } from '../../../../native/netlink/traffic-control-record.ts';
import { bytes, hex } from './hex.ts';

// Written by hand from linux/rtnetlink.h, linux/pkt_sched.h and linux/pkt_cls.h. First row: family and padding, ifindex, handle, parent, info.
const RATES = { rate: 125_000, ceil: 125_000, burst: 356_250, ceilBurst: 356_250 };

const CASES: readonly {
  readonly name: string;
  readonly message: Message;
  readonly type: number;
  readonly flags: number;
  readonly body: string;
}[] = [
  {
    name: 'a new htb is the root, of version 3 and without a default class',
    message: newHtb(7, 0x74730000),
    type: 36,
    flags: 0x600,
    body: `00000000  07000000  00007374  ffffffff  00000000
           0800 0100 68746200
           1c00 0200
             1800 0200 03000000 0a000000 00000000 00000000 00000000`,
  },
  {
    name: 'a class has rate and ceiling in bytes a second, and what a burst takes in ticks of 64 ns',
    message: newHtbClass({ ifindex: 7, handle: 0x74730001, parent: 0x74730000 }, RATES),
    type: 40,
    flags: 0x600,
    body: `00000000  07000000  01007374  00007374  00000000
           0800 0100 68746200
           3400 0200
             3000 0100
               00 01 0000 0000 0000 48e80100
               00 01 0000 0000 0000 48e80100
               9a6f0500 9a6f0500 d4300000 00000000 00000000`,
  },
  {
    name: 'a queue of no packets drops all',
    message: newQueue(7, 0x74730001, { kind: 'pfifo', limit: 0 }),
    type: 36,
    flags: 0x400,
    body: `00000000  07000000  00000000  01007374  00000000
           0a00 0100 706669666f00 0000
           0800 0200 00000000`,
  },
  {
    name: 'a netem has its delay and jitter in nanoseconds, behind the struct that has no room for them',
    message: newQueue(7, 0x74730001, { kind: 'netem', limit: 1000, delayNs: 100_000_000, jitterNs: 20_000_000 }),
    type: 36,
    flags: 0x400,
    body: `00000000  07000000  00000000  01007374  00000000
           0a00 0100 6e6574656d00 0000
           3400 0200
             00000000 e8030000 00000000 00000000 00000000 00000000
             0c00 0a00 00e1f50500000000
             0c00 0b00 002d310100000000`,
  },
  {
    name: 'what asks for a kind of qdisc leaves out its options',
    message: probeQdisc(1, 'netem'),
    type: 36,
    flags: 0x600,
    body: `00000000  01000000  00000000  ffffffff  00000000
           0a00 0100 6e6574656d00 0000`,
  },
  {
    name: 'a filter has its priority beside the protocol, in the order of the network, and its program with the number of its instructions',
    message: newBpfFilter({ ifindex: 7, parent: 0x74730000, priority: 2, handle: 0x1234567, program: bytes('0600000001007374') }),
    type: 44,
    flags: 0x600,
    body: `00000000  07000000  67452301  00007374  00030200
           0800 0100 62706600
           1800 0200
             0600 0400 0100 0000
             0c00 0500 0600000001007374`,
  },
  {
    name: 'the root is deleted by its handle, so that nobody else’s is',
    message: deleteRoot(7, 0x74730000),
    type: 37,
    flags: 0,
    body: '00000000  07000000  00007374  ffffffff  00000000',
  },
  {
    name: 'a class is deleted by its handle',
    message: deleteClass(7, 0x74730001),
    type: 41,
    flags: 0,
    body: '00000000  07000000  01007374  00000000  00000000',
  },
  {
    name: 'filters are deleted by their priority',
    message: deleteFilters(7, 0x74730000, 0x4001),
    type: 45,
    flags: 0,
    body: '00000000  07000000  00000000  00007374  00030140',
  },
  {
    name: 'qdiscs are asked for of all links',
    message: getQdiscs(),
    type: 38,
    flags: 0,
    body: '00000000  00000000  00000000  00000000  00000000',
  },
  {
    name: 'classes are asked for of one qdisc',
    message: getClasses(7, 0x74730000),
    type: 42,
    flags: 0,
    body: '00000000  07000000  00000000  00007374  00000000',
  },
];

test.each(CASES)('$name', ({ message, type, flags, body }) => {
  expect({ type: message.type, flags: message.flags, body: hex(message.body) }).toEqual({ type, flags, body: hex(bytes(body)) });
});

test('a record tells where it is, whose it is and its priority', () => {
  const body = bytes(`00000000  07000000  67452301  00007374  00030140
                      0800 0100 62706600`);
  expect(decodeTrafficControl({ type: 44, flags: 0, sequence: 0, body })).toEqual({
    ifindex: 7,
    handle: 0x1234567,
    parent: 0x74730000,
    priority: 0x4001,
    kind: 'bpf',
    options: new Uint8Array(),
  });
});

const recordOf = ({ type, body }: { readonly type: number; readonly body: Uint8Array }) =>
  decodeTrafficControl({ type, flags: 0, sequence: 0, body });

test('what a class and a queue were told is read back', () => {
  const made = newHtbClass({ ifindex: 7, handle: 0x74730001, parent: 0x74730000 }, { ...RATES, ceil: 250_000, ceilBurst: 7 });
  expect(decodeHtbClass(recordOf(made).options)).toEqual({ ...RATES, ceil: 250_000, ceilBurst: 7 });
  for (const queue of [
    { kind: 'pfifo', limit: 0 },
    { kind: 'bfifo', limit: 131_072 },
    { kind: 'netem', limit: 1000, delayNs: 6_000_000_000, jitterNs: 1 },
  ] as const)
    expect(decodeQueue(recordOf(newQueue(7, 0x74730001, queue)))).toEqual(queue);
});

test.each([
  ['loses some', '64000000 e8030000 ff000000 00000000 00000000 00000000'],
  ['doubles some', '64000000 e8030000 00000000 00000000 ff000000 00000000'],
  ['spoils some', '64000000 e8030000 00000000 00000000 00000000 00000000 0c00 0400 ff000000 00000000'],
  ['has a rate', '64000000 e8030000 00000000 00000000 00000000 00000000 1400 0600 ff000000 00000000 00000000 00000000'],
])('a netem that %s is another one', (_, options) => {
  expect(decodeQueue({ kind: 'netem', options: bytes(options) })).toEqual({ kind: 'another', name: 'netem' });
});

test('a queue of another kind is told by its name', () => {
  expect(decodeQueue({ kind: 'sfq', options: bytes('00') })).toEqual({ kind: 'another', name: 'sfq' });
});
