import { expect, test } from 'vitest';
import { decodeAck } from '../../../../native/netlink/ack.ts';
import { decodeAttributes } from '../../../../native/netlink/attributes.ts';
import { decodeLink } from '../../../../native/netlink/link-record.ts';
import { decodeMessages, encodeMessage } from '../../../../native/netlink/message.ts';
import { bytes, hex } from './hex.ts';

test('a message begins with its unpadded length and ends padded', () => {
  const body = bytes('0102030405');
  expect(hex(encodeMessage({ type: 16, flags: 0x605, body }, 0x01020304))).toBe(
    hex(bytes('15000000 1000 0506 04030201 00000000  0102030405 000000')),
  );
});

test('the messages of a datagram are told apart, padding between them left out', () => {
  const datagram = bytes(`15000000 1000 0200 07000000 00000000  0102030405 000000
                          14000000 0300 0200 07000000 00000000  00000000`);
  expect(decodeMessages(datagram).map(({ body, ...header }) => ({ ...header, body: hex(body) }))).toEqual([
    { type: 16, flags: 2, sequence: 7, body: '0102030405' },
    { type: 3, flags: 2, sequence: 7, body: '00000000' },
  ]);
});

test('a message that reaches past its datagram is refused', () => {
  expect(() => decodeMessages(bytes('20000000 1000 0000 07000000 00000000  00000000'))).toThrow(RangeError);
});

test('of an attribute the flags of its type and its padding are left out', () => {
  const attributes = decodeAttributes(bytes('0500 0280 aa 000000  0800 0340 01020304'));
  expect([...attributes].map(([type, payload]) => [type, hex(payload)])).toEqual([
    [2, 'aa'],
    [3, '01020304'],
  ]);
});

test.each(['0300 0100', '0900 0100 00000000'])('an attribute with the impossible length in %s is refused', (text) => {
  expect(() => decodeAttributes(bytes(text))).toThrow(RangeError);
});

const NEWLINK_HEADER = '20000000 1000 0506 07000000 00000000';

test('an ack without an error', () => {
  expect(decodeAck({ type: 2, flags: 0x100, sequence: 7, body: bytes(`00000000 ${NEWLINK_HEADER}`) })).toEqual({
    errno: 0,
    text: undefined,
  });
});

test('an extended ack follows the header of the request when that is capped', () => {
  const body = bytes(`a1ffffff ${NEWLINK_HEADER}  0800 0100 6e6f2100`);
  expect(decodeAck({ type: 2, flags: 0x300, sequence: 7, body })).toEqual({ errno: 95, text: 'no!' });
});

test('an extended ack follows the whole request when that is repeated', () => {
  const body = bytes(`a1ffffff ${NEWLINK_HEADER} 0102030405060708090a0b0c0d0e0f10  0800 0200 01000000  0800 0100 6e6f2100`);
  expect(decodeAck({ type: 2, flags: 0x200, sequence: 7, body })).toEqual({ errno: 95, text: 'no!' });
});

test('a link that has everything', () => {
  const body = bytes(`00 00 0100  07000000  43100100  00000000
    0a00 0300 74732d763100 0000
    0800 0400 dc050000
    0800 0a00 05000000
    0a00 0100 02000000000f 0000
    1000 1200 0900 0100 7665746800 000000
    0900 1400 6d61726b31 000000
    0800 1b00 2a000000`);
  expect(decodeLink({ type: 16, flags: 2, sequence: 1, body })).toEqual({
    ifindex: 7,
    ifname: 'ts-v1',
    type: 'veth',
    ifalias: 'mark1',
    group: 42,
    mtu: 1500,
    master: 5,
    up: true,
    address: '02:00:00:00:00:0f',
    hairpin: false,
    link: 0,
    mode: undefined,
  });
});

test('a port of a bridge in hairpin mode', () => {
  const body = bytes(`00 00 0100  07000000  43100100  00000000
    3000 1200
      0900 0100 7665746800 000000
      0b00 0400 62726964676500 00
      1400 0500 0500 0100 03 000000 0500 0400 01 000000`);
  expect(decodeLink({ type: 16, flags: 2, sequence: 1, body })).toMatchObject({ type: 'veth', hairpin: true });
});

test('a macvlan', () => {
  const body = bytes(`00 00 0100  07000000  43100100  00000000
    0800 0500 03000000
    1c00 1200
      0c00 0100 6d6163766c616e00
      0c00 0200 0800 0100 08000000`);
  expect(decodeLink({ type: 16, flags: 2, sequence: 1, body })).toMatchObject({ type: 'macvlan', link: 3, mode: 'passthru' });
});

test('a link that has next to nothing', () => {
  const body = bytes('00 00 0403  01000000  08000000  00000000  0700 0300 6c6f00 00');
  expect(decodeLink({ type: 16, flags: 2, sequence: 1, body })).toEqual({
    ifindex: 1,
    ifname: 'lo',
    type: '',
    ifalias: undefined,
    group: 0,
    mtu: 0,
    master: 0,
    up: false,
    address: undefined,
    hairpin: false,
    link: 0,
    mode: undefined,
  });
});
