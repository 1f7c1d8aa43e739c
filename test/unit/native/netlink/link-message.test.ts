import { expect, test } from 'vitest';
import {
  deleteLink,
  deleteLinkGroup,
  getLink,
  getLinks,
  newBridge,
  newMacvlan,
  newVeth,
  setAddrGenModeNone,
  setHairpin,
  setLink,
} from '../../../../native/netlink/link-message.ts';
import type { Message } from '../../../../native/netlink/message.ts';
import { bytes, hex } from './hex.ts';

// Written by hand from linux/rtnetlink.h and linux/if_link.h; a row is a header or an attribute: length, type, payload, padding.
const CASES: readonly {
  readonly name: string;
  readonly message: Message;
  readonly type: number;
  readonly flags: number;
  readonly body: string;
}[] = [
  {
    name: 'a new bridge has its name, a MAC address, its group and mtu, and no spanning tree',
    message: newBridge({ ifindex: 0x100007, ifname: 'ts-br', address: '02:00:00:00:0a:01', group: 42, mtu: 1400 }),
    type: 16,
    flags: 0x600,
    body: `00 00 0000  07001000  00000000  00000000
           0a00 0300 74732d627200 0000
           0a00 0100 020000000a01 0000
           0800 1b00 2a000000
           0800 0400 78050000
           1c00 1200
             0b00 0100 62726964676500 00
             0c00 0200
               0800 0500 00000000`,
  },
  {
    name: 'a new veth has one queue each way, and its peer a name, a MAC address and a namespace',
    message: newVeth({
      ifindex: 0x100008,
      ifname: 'ts-v1',
      group: 42,
      mtu: undefined,
      master: 0x100007,
      peer: { ifindex: 0x100009, ifname: 'eth0', address: '02:00:00:00:0a:02', netnsPid: 4660 },
    }),
    type: 16,
    flags: 0x600,
    body: `00 00 0000  08001000  00000000  00000000
           0a00 0300 74732d763100 0000
           0800 1b00 2a000000
           0800 0a00 07001000
           0800 1f00 01000000
           0800 2000 01000000
           5800 1200
             0900 0100 7665746800 000000
             4800 0200
               4400 0100
                 00 00 0000  09001000  00000000  00000000
                 0900 0300 6574683000 000000
                 0a00 0100 020000000a02 0000
                 0800 1300 34120000
                 0800 1f00 01000000
                 0800 2000 01000000`,
  },
  {
    name: 'the mtu of a veth is that of both ends',
    message: newVeth({
      ifindex: 8,
      ifname: 'a',
      group: 1,
      mtu: 9000,
      master: 7,
      peer: { ifindex: 9, ifname: 'b', address: '02:00:00:00:00:02', netnsPid: 1 },
    }),
    type: 16,
    flags: 0x600,
    body: `00 00 0000  08000000  00000000  00000000
           0600 0300 6100 0000
           0800 1b00 01000000
           0800 0a00 07000000
           0800 0400 28230000
           0800 1f00 01000000
           0800 2000 01000000
           5c00 1200
             0900 0100 7665746800 000000
             4c00 0200
               4800 0100
                 00 00 0000  09000000  00000000  00000000
                 0600 0300 6200 0000
                 0a00 0100 020000000002 0000
                 0800 1300 01000000
                 0800 0400 28230000
                 0800 1f00 01000000
                 0800 2000 01000000`,
  },
  {
    name: 'a new macvlan has a parent and a mode',
    message: newMacvlan({ ifindex: 8, ifname: 'tm-1', address: '02:00:00:00:0a:02', parent: 3, mode: 'bridge', mtu: undefined }),
    type: 16,
    flags: 0x600,
    body: `00 00 0000  08000000  00000000  00000000
           0900 0300 746d2d3100 000000
           0a00 0100 020000000a02 0000
           0800 0500 03000000
           1c00 1200
             0c00 0100 6d6163766c616e00
             0c00 0200
               0800 0100 04000000`,
  },
  {
    name: 'a link moves to the namespace of a process, with its name and mark there',
    message: setLink(8, { netnsPid: 4660, ifname: 'eth1', ifalias: 'mark1', group: 3 }),
    type: 19,
    flags: 0,
    body: `00 00 0000  08000000  00000000  00000000
           0800 1300 34120000
           0900 0300 6574683100 000000
           0900 1400 6d61726b31 000000
           0800 1b00 03000000`,
  },
  {
    name: 'hairpin mode is of a port of a bridge, in attributes that are flagged as nested',
    message: setHairpin(8, true),
    type: 19,
    flags: 0,
    body: `07 00 0000  08000000  00000000  00000000
           0c00 0c80
             0500 0400 01 000000`,
  },
  {
    name: 'an ifalias has no NUL, and up is one flag with one bit of change mask',
    message: setLink(8, { ifalias: 'mark1', group: 3, master: 7, mtu: 1500, up: true }),
    type: 19,
    flags: 0,
    body: `00 00 0000  08000000  01000000  01000000
           0900 1400 6d61726b31 000000
           0800 1b00 03000000
           0800 0a00 07000000
           0800 0400 dc050000`,
  },
  {
    name: 'down is a change without the flag',
    message: setLink(8, { up: false }),
    type: 19,
    flags: 0,
    body: '00 00 0000  08000000  00000000  01000000',
  },
  {
    name: 'what is undefined is left alone',
    message: setLink(8, { mtu: undefined }),
    type: 19,
    flags: 0,
    body: '00 00 0000  08000000  00000000  00000000',
  },
  {
    name: 'no link-local address: a mode in AF_INET6 in IFLA_AF_SPEC',
    message: setAddrGenModeNone(9),
    type: 19,
    flags: 0,
    body: `00 00 0000  09000000  00000000  00000000
           1000 1a00
             0c00 0a00
               0500 0800 01 000000`,
  },
  { name: 'a link is deleted by ifindex', message: deleteLink(9), type: 17, flags: 0, body: '00 00 0000  09000000  00000000  00000000' },
  {
    name: 'a group is deleted in one message',
    message: deleteLinkGroup(0x7001),
    type: 17,
    flags: 0,
    body: '00 00 0000  00000000  00000000  00000000   0800 1b00 01700000',
  },
  {
    name: 'a link is asked for by name, without counters',
    message: getLink('eth0'),
    type: 18,
    flags: 0,
    body: `00 00 0000  00000000  00000000  00000000
           0800 1d00 08000000
           0900 0300 6574683000 000000`,
  },
  {
    name: 'links are listed without counters',
    message: getLinks(),
    type: 18,
    flags: 0,
    body: '00 00 0000  00000000  00000000  00000000  0800 1d00 08000000',
  },
];

test.each(CASES)('$name', ({ message, type, flags, body }) => {
  expect(hex(message.body)).toBe(hex(bytes(body)));
  expect([message.type, message.flags]).toEqual([type, flags]);
});

test('a MAC address that is none is refused', () => {
  expect(() => newBridge({ ifindex: 1, ifname: 'b', address: '02:00', group: 1, mtu: undefined })).toThrow('`02:00` is not a MAC address');
});
