import { expect, test } from 'vitest';
import { decodeAddress, deleteAddress, getAddresses, newAddress } from '../../../../native/netlink/address-message.ts';
import { bytes, hex } from './hex.ts';

test('a new address is local, its own peer, and has the broadcast address of its subnet', () => {
  const message = newAddress({ ifindex: 0x100007, cidr: '10.128.3.1/24' });
  expect(hex(message.body)).toBe(
    hex(
      bytes(`02 18 00 00  07001000
             0800 0200 0a800301
             0800 0100 0a800301
             0800 0400 0a8003ff`),
    ),
  );
  expect([message.type, message.flags]).toEqual([20, 0x600]);
});

test.each([
  ['10.1.2.3/8', '0affffff'],
  ['10.1.2.3/20', '0a010fff'],
  ['10.1.2.3/30', '0a010203'],
])('the broadcast address of %s is %s', (cidr, broadcast) => {
  expect(hex(newAddress({ ifindex: 1, cidr }).body).slice(-8)).toBe(broadcast);
});

test.each(['10.1.2.2/31', '10.1.2.3/32'])('%s has no broadcast address', (cidr) => {
  expect(newAddress({ ifindex: 1, cidr }).body).toHaveLength(8 + 8 + 8);
});

test('a new IPv6 address has no broadcast address, and nobody is asked whether it is a second one', () => {
  const message = newAddress({ ifindex: 0x100007, cidr: 'fd00:0:0:1::a/64' });
  expect(hex(message.body)).toBe(
    hex(
      bytes(`0a 40 02 00  07001000
             1400 0200 fd000000000000010000000000 00000a
             1400 0100 fd000000000000010000000000 00000a`),
    ),
  );
  expect([message.type, message.flags]).toEqual([20, 0x600]);
});

test('of an IPv6 address only IFA_ADDRESS is told', () => {
  const body = bytes('0a 40 80 00  03000000  1400 0100 fd000000000000010000000000 00000a');
  expect(decodeAddress({ type: 20, flags: 2, sequence: 1, body })).toEqual({ ifindex: 3, cidr: 'fd00:0:0:1::a/64' });
});

test('an address of another family is left out', () => {
  const body = bytes('2d 08 00 00  03000000  0500 0200 09000000');
  expect(decodeAddress({ type: 20, flags: 2, sequence: 1, body })).toBeUndefined();
});

test('an address is deleted by itself, its prefix length and its link', () => {
  const message = deleteAddress({ ifindex: 7, cidr: '10.128.3.1/24' });
  expect(hex(message.body)).toBe(hex(bytes('02 18 00 00  07000000  0800 0200 0a800301')));
  expect([message.type, message.flags]).toEqual([21, 0]);
});

test('addresses of all families are listed with an empty header, as strict checking asks', () => {
  expect(hex(getAddresses().body)).toBe('0000000000000000');
});

test('of a point-to-point address the own side is told', () => {
  const body = bytes('02 20 80 00  03000000  0800 0100 0a000002  0800 0200 0a000001');
  expect(decodeAddress({ type: 20, flags: 2, sequence: 1, body })).toEqual({ ifindex: 3, cidr: '10.0.0.1/32' });
});

test.each([
  '10.1.2.3',
  '10.1.2.3/33',
  '10.1.2/24',
  '10.1.2.256/24',
  '10.1.2.3/',
  '10.1.2.3/24/1',
  'fd00::1/129',
  'fd00::/64/1',
  'fd00:::1/64',
  '1:2:3/64',
])('%s is refused', (cidr) => {
  expect(() => newAddress({ ifindex: 1, cidr })).toThrow(RangeError);
});
