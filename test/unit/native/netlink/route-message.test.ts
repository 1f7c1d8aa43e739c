import { expect, test } from 'vitest';
import { decodeRoutes, deleteRoute, getRoutes, newConnectedRoute, newRoute } from '../../../../native/netlink/route-message.ts';
import { bytes, hex } from './hex.ts';

test('the default route has no destination', () => {
  const message = newRoute({ destination: 'default', gateway: '10.128.3.1', ifindex: 2 });
  expect(hex(message.body)).toBe(
    hex(
      bytes(`02 00 00 00 fe 04 00 01 00000000
             0800 0500 0a800301
             0800 0400 02000000`),
    ),
  );
  expect([message.type, message.flags]).toEqual([24, 0x600]);
});

test('a route to a subnet', () => {
  const message = newRoute({ destination: '10.9.0.0/16', gateway: '10.128.3.1', ifindex: 2 });
  expect(hex(message.body)).toBe(
    hex(
      bytes(`02 10 00 00 fe 04 00 01 00000000
             0800 0100 0a090000
             0800 0500 0a800301
             0800 0400 02000000`),
    ),
  );
});

test('the route to the network of an address is as the kernel makes it', () => {
  const message = newConnectedRoute({ cidr: '10.128.3.2/22', ifindex: 2 });
  expect(hex(message.body)).toBe(
    hex(
      bytes(`02 16 00 00 fe 02 fd 01 00000000
             0800 0100 0a800000
             0800 0400 02000000
             0800 0700 0a800302`),
    ),
  );
  expect([message.type, message.flags]).toEqual([24, 0x600]);
});

test('a route is deleted whatever its protocol and scope', () => {
  const message = deleteRoute({ destination: '10.9.0.0/16', gateway: '10.128.3.1', ifindex: 2 });
  expect(hex(message.body).slice(0, 24)).toBe(hex(bytes('02 10 00 00 fe 00 ff 01 00000000')));
  expect([message.type, message.flags]).toEqual([25, 0]);
});

test('only the main table is asked for', () => {
  expect(hex(getRoutes().body)).toBe(hex(bytes('00 00 00 00 fe 00 00 00 00000000')));
});

test('the default route of IPv6 is known by its gateway', () => {
  expect(hex(newRoute({ destination: 'default', gateway: 'fd00::1', ifindex: 2 }).body)).toBe(
    hex(
      bytes(`0a 00 00 00 fe 04 00 01 00000000
             1400 0500 fd000000000000000000000000 000001
             0800 0400 02000000`),
    ),
  );
});

test('a default route of IPv6 without a gateway is deleted by its family', () => {
  expect(hex(deleteRoute({ destination: '::/0', gateway: undefined, ifindex: 2 }).body)).toBe(
    hex(bytes('0a 00 00 00 fe 00 ff 01 00000000  0800 0400 02000000')),
  );
});

test('the route to the network of an IPv6 address is as the kernel makes it', () => {
  expect(hex(newConnectedRoute({ cidr: 'fd00:0:0:1::a/64', ifindex: 2 }).body)).toBe(
    hex(
      bytes(`0a 40 00 00 fe 02 00 01 00000000
             1400 0100 fd000000000000010000000000 000000
             0800 0400 02000000
             0800 0600 00010000`),
    ),
  );
});

test('records of IPv6', () => {
  expect(record('0a 00 00 00 fe 09 00 01 00000000  1400 0500 fe80000000000000000000000000 0001  0800 0400 02000000')).toEqual([
    { destination: 'default', gateway: 'fe80::1', ifindex: 2 },
  ]);
  expect(record('0a 00 00 00 fe 04 00 01 00000000  0800 0400 02000000')).toEqual([{ destination: '::/0', gateway: undefined, ifindex: 2 }]);
  expect(record('0a 40 00 00 fe 02 00 01 00000000  1400 0100 fd000000000000010000000000 000000  0800 0400 03000000')).toEqual([
    { destination: 'fd00:0:0:1::/64', gateway: undefined, ifindex: 3 },
  ]);
});

const record = (body: string) => decodeRoutes({ type: 24, flags: 2, sequence: 1, body: bytes(body) });

test('a record of the default route', () => {
  expect(record('02 00 00 00 fe 03 00 01 00000000  0800 0f00 fe000000  0800 0500 0a000001  0800 0400 02000000')).toEqual([
    { destination: 'default', gateway: '10.0.0.1', ifindex: 2 },
  ]);
});

test('a record of a subnet on the link itself', () => {
  expect(record('02 18 00 00 fe 02 fd 01 00000000  0800 0f00 fe000000  0800 0100 0a800300  0800 0400 03000000')).toEqual([
    { destination: '10.128.3.0/24', gateway: undefined, ifindex: 3 },
  ]);
});

test('a route of another table, named in RTA_TABLE because its number is above 255, is left out', () => {
  expect(record('02 00 00 00 fc 03 00 01 00000000  0800 0f00 e8030000  0800 0400 02000000')).toEqual([]);
});

test('a blackhole leads to no link and is left out', () => {
  expect(record('02 08 00 00 fe 03 00 06 00000000  0800 0f00 fe000000  0800 0100 0a000000')).toEqual([]);
});

test('a route with two nexthops is told twice', () => {
  const routes = record(`02 00 00 00 fe 03 00 01 00000000  0800 0f00 fe000000
    2400 0900
      1000 00 00 02000000  0800 0500 0a000001
      1000 00 00 03000000  0800 0500 0a000101`);
  expect(routes).toEqual([
    { destination: 'default', gateway: '10.0.0.1', ifindex: 2 },
    { destination: 'default', gateway: '10.0.1.1', ifindex: 3 },
  ]);
});
