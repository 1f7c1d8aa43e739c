import { describe, expect, it } from 'vitest';
import { PLAIN_NETWORK, plainAttachment } from '../../../dsl/network-defaults.ts';
import type { NetworkSpec } from '../../../dsl/spec.ts';
import { serviceOf, specOf, wrongWith } from './support/stack-file.ts';

function networkOf(written: object): NetworkSpec | undefined {
  return specOf({ services: { web: { image: 'x' } }, networks: { n: written } }).networks['n'];
}
const wrongNetwork = (written: object) => wrongWith({ services: { web: { image: 'x' } }, networks: { n: written } });

describe('a network', () => {
  it.each<[string, object, Partial<NetworkSpec>]>([
    ['is a bridge', {}, {}],
    ['may be closed, and open to the host', { internal: true, hostAccess: true }, { internal: true, hostAccess: true }],
    ['may be shared', { shared: true, labels: { a: 1 } }, { shared: true, labels: { a: '1' } }],
    [
      'may have a subnet, of which a part is given out',
      { subnet: '10.1.0.0/16', gateway: '10.1.0.9', ipRange: '10.1.4.0/22', mtu: 9000 },
      { subnet: '10.1.0.0/16', gateway: '10.1.0.9', ipRange: '10.1.4.0/22', mtu: 9000 },
    ],
    ['has no IPv6 where that is said', { ipv6: false }, {}],
    ['has unique local addresses and NAT with IPv6', { ipv6: true }, { ipv6: { subnet: undefined, gateway: undefined, way: 'nat' } }],
    [
      'is routed with a global subnet, in canonical text',
      { ipv6: { subnet: '2001:DB8:0::/64', gateway: '2001:db8:0:0::0:1' } },
      { ipv6: { subnet: '2001:db8::/64', gateway: '2001:db8::1', way: 'routed' } },
    ],
    [
      'has NAT with a unique local subnet',
      { ipv6: { subnet: 'fd00:1::/64' } },
      { ipv6: { subnet: 'fd00:1::/64', gateway: undefined, way: 'nat' } },
    ],
    ['is routed where that is said', { ipv6: { nat: false } }, { ipv6: { subnet: undefined, gateway: undefined, way: 'routed' } }],
    [
      'may be on a link of the host',
      { driver: 'macvlan', parent: 'eth0.7', subnet: '192.0.2.0/24', ipv6: true },
      {
        driver: 'macvlan',
        macvlan: { parent: 'eth0.7', mode: 'bridge' },
        subnet: '192.0.2.0/24',
        ipv6: { subnet: undefined, gateway: undefined, way: 'routed' },
      },
    ],
    [
      'may be another stack’s',
      { external: 'infra/front' },
      { external: { kind: 'stack', stack: 'infra', network: 'front', directory: undefined, instance: undefined } },
    ],
    [
      'may be that of a stack in a certain directory',
      { external: { stack: 'infra', network: 'front', directory: '../infra', instance: 'two' } },
      { external: { kind: 'stack', stack: 'infra', network: 'front', directory: '/srv/infra', instance: 'two' } },
    ],
    [
      'may be a bridge of the host',
      { external: { bridge: 'br0' }, subnet: '10.1.0.0/24', ipv6: { subnet: 'fd00::/64' }, mtu: 1400 },
      {
        external: { kind: 'bridge', ifname: 'br0' },
        subnet: '10.1.0.0/24',
        ipv6: { subnet: 'fd00::/64', gateway: undefined, way: 'nat' },
        mtu: 1400,
      },
    ],
  ])('%s', (_, written, expected) => {
    expect(networkOf(written)).toEqual({ ...PLAIN_NETWORK, ...expected });
  });

  it.each<[object, string[]]>([
    [{ driver: 'overlay' }, ['driver: `overlay` must be `bridge` or `macvlan`']],
    [{ driver: 'macvlan' }, ["parent: is missing: `driver: 'macvlan'` is on a link of the host, such as `eth0`"]],
    [{ driver: 'macvlan', parent: 'a/b' }, ['parent: `a/b` is no name of a link']],
    [
      { driver: 'macvlan', parent: 'eth0', shared: true, internal: true, hostAccess: true, ipv6: { nat: true } },
      [
        'shared: `true` is not for macvlan: another stack has its own on the same `parent`',
        'hostAccess: `true` is not for macvlan: the kernel passes nothing between it and the host',
        'ipv6.nat: `true` is not for macvlan: its packets are on the LAN as they are',
      ],
    ],
    [{ parent: 'eth0', mode: 'vepa' }, ["parent: `eth0` is only for `driver: 'macvlan'`", "mode: `vepa` is only for `driver: 'macvlan'`"]],
    [{ hostAccess: true }, ['hostAccess: `true` is only for `internal: true`: from other networks the host is reached anyway']],
    [{ external: true }, ['external: `true` must be `stack/network`, `{ stack, network }` or `{ bridge }`']],
    [{ external: 'infra' }, ['external: `infra` must be `stack/network`, such as `infra/front`; a bridge of the host is `{ bridge }`']],
    [
      { external: { network: 'a b' } },
      ['external.network: `a b` is no name of a network', 'external.stack: is missing: name the stack that makes the network'],
    ],
    [
      { external: 'infra/front', subnet: '10.1.0.0/24', internal: true, mtu: 1400 },
      [
        'subnet: `10.1.0.0/24` is the business of the stack that makes the network: leave it out beside `external`',
        'internal: `true` is the business of the stack that makes the network: leave it out beside `external`',
        'mtu: `1400` is the business of the stack that makes the network: leave it out beside `external`',
      ],
    ],
    [
      { external: { bridge: 'br0', stack: 'infra' }, shared: true, ipv6: { nat: true } },
      [
        'external.stack: `infra` contradicts `bridge`: the network is one or the other',
        'shared: `true` is the business of whoever made that bridge: leave it out beside `external`',
        'ipv6: needs `{ subnet }`: of a bridge of the host nobody but you knows which addresses are free',
        'ipv6.nat: `true` is the business of whoever made that bridge: leave it out beside `external`',
        'subnet: is missing: of a bridge of the host nobody but you knows which addresses are free',
      ],
    ],
    [
      { external: { bridge: 'a-name-that-is-long' }, subnet: '10.1.0.0/24' },
      ['external.bridge: `a-name-that-is-long` is no name of a link'],
    ],
    [{ subnet: 'fd00::/64' }, ['subnet: `fd00::/64` must be an IPv4 subnet such as `10.20.0.0/24`; for IPv6 there is `ipv6: { subnet }`']],
    [{ subnet: '10.1.0.0/24', gateway: 'fd00::1' }, ['gateway: `fd00::1` must be an IPv4 address; for IPv6 there is `ipv6: { gateway }`']],
    [{ gateway: '10.1.0.1' }, ['gateway: `10.1.0.1` needs a `subnet` that it is in']],
    [{ subnet: '10.1.0.0/31' }, ['subnet: `10.1.0.0/31` must have a prefix of 8 … 30 bits']],
    [{ subnet: '127.1.0.0/24' }, ['subnet: `127.1.0.0/24` is in `127.0.0.0/8` (loopback)']],
    [{ ipRange: '10.1.0.0/24' }, ['ipRange: `10.1.0.0/24` needs a `subnet` that it is in']],
    [{ subnet: '10.1.0.0/24', ipRange: '10.1.0.0/23' }, ['ipRange: `10.1.0.0/23` is not within `10.1.0.0/24`']],
    [
      { subnet: '10.1.0.0/24', ipRange: '10.1.0.9/28' },
      ['ipRange: `10.1.0.9/28` is an address in a subnet', 'did you mean `10.1.0.0/28`?'],
    ],
    [
      { ipv6: { subnet: 'fd00::5/64', gateway: 'fd00:1::1' } },
      [
        'ipv6.subnet: `fd00::5/64` is an address in a subnet',
        'did you mean `fd00::/64`?',
        'ipv6.gateway: `fd00:1::1` is no host address in `fd00::5/64`',
      ],
    ],
    [{ ipv6: { subnet: 'fd00::/64', gateway: 'fd00::' } }, ['ipv6.gateway: `fd00::` is no host address in `fd00::/64`']],
    [{ ipv6: { subnet: '10.0.0.0/8' } }, ['ipv6.subnet: `10.0.0.0/8` must be an IPv6 subnet such as `fd12:3456:789a:1::/64`']],
    [{ ipv6: { subnet: 'fd00::/127' } }, ['ipv6.subnet: `fd00::/127` must have a prefix of 8 … 126 bits']],
    [{ ipv6: { subnet: 'fe80::/64' } }, ['ipv6.subnet: `fe80::/64` is in `fe80::/10` (link-local)']],
    [{ ipv6: { gateway: 'fd00::1' } }, ['ipv6.gateway: `fd00::1` needs a `subnet` that it is in']],
    [{ ipv6: { subnt: 'x' } }, ['ipv6.subnt: there is no such setting', 'did you mean `subnet`?']],
    [{ ipv6: true, mtu: 1279 }, ['mtu: `1279` must be at least 1280 with IPv6']],
    [{ mtu: 67 }, ['mtu: `67` must be a whole number, 68 … 65535']],
  ])('%j is told', (written, expected) => {
    expect(wrongNetwork(written).map((line) => line.replace(/^networks\.n\./, ''))).toEqual(expected);
  });

  it('must not overlap another in either family', () => {
    const networks = {
      a: { subnet: '10.1.0.0/16', ipv6: { subnet: 'fd00::/48' } },
      b: { subnet: '10.1.2.0/24', ipv6: { subnet: 'fd00:0:0:7::/64' } },
    };
    expect(wrongWith({ services: { web: { image: 'x' } }, networks })).toEqual([
      'networks.b.subnet: `10.1.2.0/24` overlaps `10.1.0.0/16` of network `a`',
      'networks.b.ipv6.subnet: `fd00:0:0:7::/64` overlaps `fd00::/48` of network `a`',
    ]);
  });
});

const networks = {
  x: { subnet: '10.1.0.0/24', ipv6: { subnet: 'fd00::/64' } },
  y: {},
  z: { external: 'infra/front' },
};

describe('a service on networks', () => {
  it('has them by priority, those that are equal as they are written', () => {
    const written = { x: { priority: 1 }, default: null, y: { priority: 10 }, z: { priority: 1 } };
    const names = serviceOf({ networks: written }, { networks }).networks.map(({ network }) => network);
    expect(names).toEqual(['y', 'x', 'z', 'default']);
  });

  it('has its static addresses in canonical text, also where another stack chooses the subnet', () => {
    const x = { aliases: ['www'], ipv4Address: '10.1.0.9', ipv6Address: 'FD00:0::9', macAddress: '02:AB:00:00:00:01' };
    const z = { ipv4Address: '10.77.0.9', ipv6Address: 'fd77::9' };
    expect(serviceOf({ networks: { x, z } }, { networks }).networks).toEqual([
      { network: 'x', aliases: ['www'], ipv4Address: '10.1.0.9', ipv6Address: 'fd00::9', macAddress: '02:ab:00:00:00:01' },
      { ...plainAttachment('z'), ...z },
    ]);
  });

  it('may have the last address of an IPv6 subnet, which has no broadcast address', () => {
    const ipv6Address = 'fd00::ffff:ffff:ffff:ffff';
    expect(serviceOf({ networks: { x: { ipv6Address } } }, { networks }).networks[0]?.ipv6Address).toBe(ipv6Address);
  });

  it.each<[object, string[]]>([
    [{ x: { ipv6Address: 'fd00::1' } }, ['x.ipv6Address: `fd00::1` is the gateway of network `x`']],
    [{ x: { ipv6Address: 'fd01::9' } }, ['x.ipv6Address: `fd01::9` is no host address in `fd00::/64`']],
    [{ x: { ipv6Address: '10.1.0.9' } }, ['x.ipv6Address: `10.1.0.9` must be an IPv6 address']],
    [{ y: { ipv6Address: 'fd00::9' } }, ['y.ipv6Address: `fd00::9` needs a `ipv6: { subnet }` in network `y`']],
    [{ x: { macAddress: '02:00:00:00:00' } }, ['x.macAddress: `02:00:00:00:00` must be a MAC address such as `02:42:ac:11:00:02`']],
    [{ x: { macAddress: '03:00:00:00:00:01' } }, ['x.macAddress: `03:00:00:00:00:01` is the address of a group, not of one link']],
    [{ x: { macAddress: '00:00:00:00:00:00' } }, ['x.macAddress: `00:00:00:00:00:00` is no address of a link']],
    [{ x: { priority: 1.5 } }, ['x.priority: `1.5` must be a whole number']],
    [{ x: { priorty: 1 } }, ['x.priorty: there is no such setting', 'did you mean `priority`?']],
  ])('is told of %j', (written, expected) => {
    const lines = wrongWith({ services: { web: { image: 'x', networks: written } }, networks });
    expect(lines.map((line) => line.replace(/^services\.web\.networks\./, ''))).toEqual(expected);
  });

  it('shares no static address with others, nor with its own replicas', () => {
    const x = { ipv6Address: 'fd00::9', macAddress: '02:00:00:00:00:01' };
    const services = { a: { image: 'i', networks: { x }, replicas: 2 }, b: { image: 'i', networks: { x } } };
    expect(wrongWith({ services, networks })).toEqual([
      'services.a.networks.x.ipv6Address: `fd00::9` cannot be the address of 2 replicas',
      'services.a.networks.x.macAddress: `02:00:00:00:00:01` cannot be the address of 2 replicas',
      'services.b.networks.x.ipv6Address: `fd00::9` is the address of `a`',
      'services.b.networks.x.macAddress: `02:00:00:00:00:01` is the address of `a`',
    ]);
  });

  it('may have one MAC on two bridges, but not on two networks of one link', () => {
    const macAddress = '02:00:00:00:00:01';
    const web = (on: object) => ({ services: { web: { image: 'i', networks: { a: { macAddress }, b: { macAddress } } } }, networks: on });
    expect(wrongWith(web({ a: {}, b: {} }))).toEqual([]);
    const lan = { driver: 'macvlan', parent: 'eth0' };
    expect(wrongWith(web({ a: lan, b: lan }))).toEqual(['services.web.networks.b.macAddress: `02:00:00:00:00:01` is the address of `web`']);
  });

  it('cannot start first with what only one container can have', () => {
    const x = { ipv6Address: 'fd00::9', macAddress: '02:00:00:00:00:01' };
    const web = { image: 'i', networks: { x }, update: { order: 'start-first' } };
    expect(wrongWith({ services: { web }, networks }).filter((line) => !line.startsWith('did you'))).toEqual([
      'services.web.update.order: `start-first` would have two containers at `fd00::9` of network `x`: leave that `ipv6Address` out',
      'services.web.update.order: `start-first` would have two containers at `02:00:00:00:00:01` of network `x`: leave that `macAddress` out',
    ]);
  });
});
