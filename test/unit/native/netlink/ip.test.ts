import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../../engine/codec/ip.ts';
import { decodeIp, encodeIp, networkOf } from '../../../../native/netlink/ip.ts';
import { hex } from './hex.ts';

const FORMS = [
  ['10.1.2.3', '0a010203', '10.1.2.3'],
  ['::', '00000000000000000000000000000000', '::'],
  ['::1', '00000000000000000000000000000001', '::1'],
  ['1::', '00010000000000000000000000000000', '1::'],
  ['2001:DB8::0001', '20010db8000000000000000000000001', '2001:db8::1'],
  // RFC 5952: one group of zeros isn't shortened (4.2.2), of two runs the longer one (4.2.3), of equal ones the first.
  ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '20010000000000010000000000000001', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['1:2:3:4:5:6:0:0', '00010002000300040005000600000000', '1:2:3:4:5:6::'],
  ['10:0:0:100:0:0:0:0', '00100000000001000000000000000000', '10:0:0:100::'],
  ['::ffff:10.1.2.3', '00000000000000000000ffff0a010203', '::ffff:10.1.2.3'],
] as const;

test.each(FORMS)('%s is %s, canonically %s', (text, bytes, canonical) => {
  expect(hex(encodeIp(text))).toBe(bytes);
  expect(decodeIp(encodeIp(text))).toBe(canonical);
});

test.each(FORMS)('as a number, %s is %s, canonically %s', (text, bytes, canonical) => {
  const parsed = parseIp(text);
  expect(parsed?.value).toBe(BigInt(`0x${bytes}`));
  expect(parsed && formatIp(parsed)).toBe(canonical);
});

test.each([
  '',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8:9',
  'g::',
  '12345::',
  '::1.2.3',
  '::1.2.3.256',
  'fe80::1%eth0',
  '1:2:3:4:5:6:7:1.2.3.4',
])('`%s` is none', (text) => {
  expect(() => encodeIp(text)).toThrow(RangeError);
  expect(parseIp(text)).toBeUndefined();
});

test.each([
  ['10.1.2.3/20', '10.1.0.0/20'],
  ['fd12:3456:789a:1:2:3:4:5/64', 'fd12:3456:789a:1::/64'],
  ['fd12:3456:789a:1:ffff:3:4:5/67', 'fd12:3456:789a:1:e000::/67'],
  ['fd00::a/128', 'fd00::a/128'],
])('%s is in %s', (cidr, network) => {
  expect(networkOf(cidr)).toBe(network);
});
