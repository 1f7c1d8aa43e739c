import { describe, expect, it } from 'vitest';
import type { PortSpec } from '../../../dsl/spec.ts';
import { serviceOf, specOf, wrongWith } from './support/stack-file.ts';

const LOOPBACK = ['127.0.0.1', '::1'];
const EVERYWHERE = ['0.0.0.0', '::'];

/** `8080` is that one, `8000-8010` the first of these that is free, nothing any. */
function port(hostAddresses: readonly string[], range: string, containerPort: number, more: Partial<PortSpec> = {}): PortSpec {
  const [first, last = first] = range.split('-').map(Number);
  const hostPorts = range === '' || first === undefined || last === undefined ? undefined : { first, last };
  return { hostAddresses, hostPorts, strict: true, containerPort, protocol: 'tcp', ...more };
}

it.each<[string | number | object, readonly PortSpec[]]>([
  [80, [port(LOOPBACK, '', 80)]],
  ['80', [port(LOOPBACK, '', 80)]],
  ['53/udp', [port(LOOPBACK, '', 53, { protocol: 'udp' })]],
  ['80-81', [port(LOOPBACK, '', 80), port(LOOPBACK, '', 81)]],
  ['8080:80', [port(LOOPBACK, '8080', 80)]],
  ['localhost:8080:80', [port(LOOPBACK, '8080', 80)]],
  ['*:8080:80', [port(EVERYWHERE, '8080', 80)]],
  ['127.0.0.1:8080:80', [port(['127.0.0.1'], '8080', 80)]],
  ['0.0.0.0:8080:80/TCP', [port(['0.0.0.0'], '8080', 80)]],
  ['127.0.0.1::80', [port(['127.0.0.1'], '', 80)]],
  ['[::1]:8080:80', [port(['::1'], '8080', 80)]],
  ['[::]:53:53/udp', [port(['::'], '53', 53, { protocol: 'udp' })]],
  ['[FD00:0::1]:8080:80', [port(['fd00::1'], '8080', 80)]],
  ['8000-8010:80', [port(LOOPBACK, '8000-8010', 80)]],
  ['8000-8001:80-81', [port(LOOPBACK, '8000', 80), port(LOOPBACK, '8001', 81)]],
  [{ target: 80 }, [port(LOOPBACK, '', 80)]],
  [{ target: 80, published: 8080, public: true }, [port(EVERYWHERE, '8080', 80)]],
  [{ target: 80, published: '8000-8010', hostAddress: '::1' }, [port(['::1'], '8000-8010', 80)]],
  [{ target: 80, published: '8080', hostAddress: '0.0.0.0', public: true }, [port(['0.0.0.0'], '8080', 80)]],
  [{ target: 53, protocol: 'udp', strictPorts: false }, [port(LOOPBACK, '', 53, { protocol: 'udp', strict: false })]],
])('the port %j is read', (written, ports) => {
  expect(serviceOf({ ports: [written] }).ports).toEqual(ports);
});

describe('a port that is taken', () => {
  const strict = (stack: object, service: object, written: object) => {
    const ports = [{ target: 80, published: 8080, ...written }];
    return serviceOf({ ports, ...service }, stack).ports.map((one) => one.strict);
  };
  it('is an obstacle unless the port, its service or the stack says otherwise, in this order', () => {
    expect(strict({}, {}, {})).toEqual([true]);
    expect(strict({ strictPorts: false }, {}, {})).toEqual([false]);
    expect(strict({ strictPorts: false }, { strictPorts: true }, {})).toEqual([true]);
    expect(strict({ strictPorts: true }, { strictPorts: false }, {})).toEqual([false]);
    expect(strict({ strictPorts: false }, {}, { strictPorts: true })).toEqual([true]);
  });
});

it.each<[string | object, string]>([
  ['x', 'ports[0]: `x` must be `[address:][host:]container[/udp]`, such as `8080:80`'],
  ['8000-8002:80-81', 'ports[0]: `8000-8002:80-81` has 3 host ports for 2 container ports'],
  ['8000:80-81', 'ports[0]: `8000:80-81` has 1 host ports for 2 container ports'],
  ['0:80', 'ports[0]: `0:80` must be made of ports, 1 … 65535, or ranges such as `8000-8002`'],
  ['8010-8000:80', 'ports[0]: `8010-8000:80` must be made of ports, 1 … 65535, or ranges such as `8000-8002`'],
  ['80:80/sctp', 'ports[0]: `80:80/sctp` must be `/tcp` or `/udp`'],
  ['[::g]:80:80', 'ports[0]: `[::g]:80:80` has the address `[::g]`, which is no IPv4 or IPv6 address'],
  ['1.2.3:80:80', 'ports[0]: `1.2.3:80:80` has the address `1.2.3`, which is no IPv4 or IPv6 address'],
  ['::1:80:80', 'ports[0]: `::1:80:80` must be `[address:][host:]container[/udp]`, such as `8080:80`'],
  [{ target: 80, hostAddress: 'eth0' }, 'ports[0].hostAddress: `eth0` must be an IPv4 or IPv6 address'],
  [{ target: 80, published: '80-' }, 'ports[0].published: `80-` must be a port or a range such as `8000-8010`'],
  [{ target: 80, published: 0 }, 'ports[0].published: `0` must be a port, 1 … 65535'],
  [{ target: 80, hostAddress: '::1', public: true }, "ports[0].public: `true` contradicts `hostAddress: '::1'`"],
])('the port %j is told', (written, expected) => {
  expect(wrongWith({ services: { web: { image: 'x', ports: [written] } } })).toEqual([`services.web.${expected}`]);
});

describe('two ports of the host', () => {
  const clashes = (a: string | object, b: string | object) =>
    wrongWith({ services: { a: { image: 'x', ports: [a] }, b: { image: 'x', ports: [b] } } });
  it.each<[string | object, string | object, string]>([
    ['80:80', '80:81', '127.0.0.1:80/tcp` is published by `a`'],
    ['*:80:80', '80:80', '127.0.0.1:80/tcp` is published by `a` on `0.0.0.0`'],
    ['[::]:80:80', '80:80', '[::1]:80/tcp` is published by `a` on `::`'],
    ['[fd00::1]:80:80', '[::]:80:80', '[::]:80/tcp` is published by `a` on `fd00::1`'],
    ['80-81:80-81', '81:80', '127.0.0.1:81/tcp` is published by `a`'],
  ])('%j and %j clash, which is told once', (a, b, message) => {
    expect(clashes(a, b)).toEqual([`services.b.ports: \`${message}`]);
  });

  it.each<[string | object, string | object]>([
    ['80:80', '80:80/udp'],
    ['127.0.0.1:80:80', '[::1]:80:80'],
    ['0.0.0.0:80:80', '[::]:80:80'],
    ['127.0.0.1:80:80', '127.0.0.2:80:80'],
    ['80', '80'],
    ['80-81:80', '80:80'],
    [{ target: 80, published: 80, strictPorts: false }, '80:80'],
  ])('%j and %j may be side by side', (a, b) => {
    expect(clashes(a, b)).toEqual([]);
  });

  it('of one service clash, too', () => {
    expect(wrongWith({ services: { a: { image: 'x', ports: ['80:80', '80:81'] } } })).toEqual([
      'services.a.ports: `127.0.0.1:80/tcp` is published by this service already',
    ]);
  });
});

it('ports of a service on macvlan networks alone lead nowhere, and nobody can ask it', () => {
  const networks = { lan: { driver: 'macvlan', parent: 'eth0' } };
  const web = { image: 'x', networks: ['lan'], ports: ['80:80'], healthcheck: { tcp: 80 } };
  expect(wrongWith({ services: { web }, networks })).toEqual([
    'services.web.ports: lead nowhere: the host does not reach a macvlan network; others reach the container at its own address',
    'services.web.healthcheck.tcp: cannot be asked: the host does not reach a macvlan network; use `test` or `log`',
  ]);
  expect(specOf({ services: { web: { ...web, networks: ['lan', 'default'] } }, networks }).services['web']?.ports).toHaveLength(1);
});
