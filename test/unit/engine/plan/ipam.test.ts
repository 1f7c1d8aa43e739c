import { IPv4CidrRange, IPv6CidrRange } from 'ip-num';
import { describe, expect, it } from 'vitest';
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import { formatIp, formatNetwork, parseNetwork, rangesOverlap } from '../../../../engine/codec/ip.ts';
import { allocate } from '../../../../engine/plan/allocate.ts';
import { addressChooser, addressValue, freeSubnets, type HeldRange, POOL4, subnetPool } from '../../../../engine/plan/ipam.ts';
import { attach, facts, network, STACK, service, stack } from '../../../support/plan-world.ts';

describe('networks', () => {
  it('have the bounds that ip-num gives them', () => {
    for (let prefix = 0; prefix <= 32; prefix++) {
      for (const address of ['0.0.0.0', '10.128.3.77', '192.168.255.255', '255.255.255.255']) {
        const range = IPv4CidrRange.fromCidr(`${address}/${prefix}`);
        const { first, last } = parseNetwork(`${address}/${prefix}`);
        expect([address, prefix, first, last]).toEqual([address, prefix, range.getFirst().getValue(), range.getLast().getValue()]);
      }
    }
    for (let prefix = 0; prefix <= 128; prefix++) {
      const cidr = `fd12:3456:789a:1:2:3:4:5/${prefix}`;
      const range = IPv6CidrRange.fromCidr(cidr);
      const { first, last } = parseNetwork(cidr);
      expect([cidr, first, last]).toEqual([cidr, range.getFirst().getValue(), range.getLast().getValue()]);
    }
  });

  it.each([
    ['10.0.0.0/8', '10.200.3.0/24', true],
    ['10.200.3.0/24', '10.0.0.0/8', true],
    ['10.200.3.0/24', '10.200.4.0/24', false],
    ['0.0.0.0/0', '192.168.0.0/16', true],
    ['10.200.3.7/24', '10.200.3.255/32', true],
    ['fd00::/8', 'fd12::/64', true],
    ['fd00::/64', 'fd00:0:0:1::/64', false],
    ['::/0', '10.0.0.0/8', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(rangesOverlap(parseNetwork(a), parseNetwork(b))).toBe(expected);
  });
});

describe('subnets', () => {
  const held = (...cidrs: string[]): HeldRange[] => cidrs.map((cidr) => ({ range: parseNetwork(cidr), holder: cidr }));

  it('are given out until none of 16,384 is left, each once, and all within 10.128.0.0/10', () => {
    const free = freeSubnets(POOL4, []);
    const given = new Set<string>();
    for (let range = free.choose('x'); range; range = free.choose(`network-${given.size}`)) {
      free.take(range, 'me');
      given.add(formatNetwork(range));
    }
    expect(given.size).toBe(16_384);
    expect([...given].every((cidr) => rangesOverlap(parseNetwork(cidr), parseNetwork('10.128.0.0/10')))).toBe(true);
  });

  it('avoid what the host routes to', () => {
    expect(freeSubnets(POOL4, held('10.0.0.0/8')).choose('x')).toBeUndefined();
    const almost = Array.from({ length: 64 }, (_, i) => `10.${128 + i}.0.0/16`).filter((_, i) => i !== 7);
    const range = freeSubnets(POOL4, held('192.168.0.0/16', 'fd00::/8', ...almost)).choose('x');
    expect(range && formatNetwork(range)).toMatch(/^10\.135\.\d+\.0\/24$/);
  });

  it('of a part of which somebody has something, the holder is told, whatever lies between', () => {
    const free = freeSubnets(POOL4, held('10.0.0.0/12', '10.1.0.0/24', '10.128.7.128/25', '172.16.0.0/12'));
    free.take(parseNetwork('10.128.9.0/24'), 'me');
    const holder = (cidr: string) => free.holderOf(parseNetwork(cidr));
    expect(holder('10.15.0.0/24')).toBe('10.0.0.0/12');
    expect(holder('10.16.0.0/24')).toBeUndefined();
    expect(holder('10.128.7.0/24')).toBe('10.128.7.128/25');
    expect(holder('10.128.7.0/25')).toBeUndefined();
    expect(holder('10.128.8.0/23')).toBe('me');
    expect(holder('172.20.0.0/16')).toBe('172.16.0.0/12');
  });

  it('of IPv6 are a /64 each of the unique local prefix', () => {
    const free = freeSubnets(subnetPool('fd12:3456:789a::/48', 64), held('fd12:3456:789a::/49'));
    const range = free.choose('front');
    expect(range && formatNetwork(range)).toMatch(/^fd12:3456:789a:[89a-f][0-9a-f]{3}::\/64$/);
  });
});

describe('addresses', () => {
  it('leave out network, broadcast and what is taken', () => {
    const subnet = parseNetwork('10.1.1.0/29');
    const choose = addressChooser(subnet, subnet, new Set([addressValue('10.1.1.3')]));
    const given = Array.from({ length: 6 }, () => choose()).map((value) => value && formatIp({ family: 4, value }));
    expect(given).toEqual(['10.1.1.1', '10.1.1.2', '10.1.1.4', '10.1.1.5', '10.1.1.6', undefined]);
  });

  it('are chosen from the declared range alone, and one outside of it is not kept', () => {
    const before = allocate(
      stack({ a: service() }, { networks: { default: network({ subnet: '10.9.0.0/24' }) } }),
      STACK,
      facts(),
    ).allocation;
    const networks = { default: network({ subnet: '10.9.0.0/24', ipRange: '10.9.0.64/30' }) };
    const { allocation, obstacles } = allocate(stack({ a: service({ replicas: 5 }) }, { networks }), STACK, facts({ own: before }));
    expect(Object.values(allocation.addresses)).toEqual(['10.9.0.64', '10.9.0.65', '10.9.0.66', '10.9.0.67']);
    expect(obstacles.map(({ message }) => message)).toEqual(['cannot give `a-5` an address: network `default` (10.9.0.64/30) is full']);
  });

  it('are kept while services come and go', () => {
    const before = allocate(stack({ b: service() }), STACK, facts()).allocation;
    const after = allocate(stack({ a: service(), b: service() }), STACK, facts({ own: before })).allocation;
    expect(after.addresses['b-1/default']).toBe(before.addresses['b-1/default']);
    expect(after.addresses['a-1/default']).not.toBe(before.addresses['b-1/default']);
    expect(after.uidBases['b-1']).toBe(before.uidBases['b-1']);
  });

  it('that are written in the stack file are never given to others', () => {
    const networks = [{ ...plainAttachment('default'), ipv4Address: '10.9.0.2' }];
    const spec = stack(
      { a: service({ replicas: 3 }), z: service({ networks }) },
      { networks: { default: network({ subnet: '10.9.0.0/24' }) } },
    );
    const { addresses } = allocate(spec, STACK, facts()).allocation;
    expect(addresses).toEqual({
      'a-1/default': '10.9.0.3',
      'a-2/default': '10.9.0.4',
      'a-3/default': '10.9.0.5',
      'z-1/default': '10.9.0.2',
    });
  });

  it('run out with an obstacle that names the network and the way out', () => {
    const spec = stack({ a: service({ replicas: 6 }) }, { networks: { default: network({ subnet: '10.9.0.0/29' }) } });
    expect(allocate(spec, STACK, facts()).obstacles.map(({ message }) => message)).toEqual([
      'cannot give `a-6` an address: network `default` (10.9.0.0/29) is full',
    ]);
  });

  it('of a subnet that another stack or the host has are refused with its holder', () => {
    const spec = stack({ a: service() }, { networks: { default: network({ subnet: '10.9.0.0/24' }) } });
    const others = { ...facts().others, subnets: { 'other-1/net': '10.9.0.128/25' } };
    expect(allocate(spec, STACK, facts({ others })).obstacles[0]?.message).toContain('overlaps network `other-1/net`');
    expect(allocate(spec, STACK, facts({ hostRoutes: ['10.0.0.0/8'] })).obstacles[0]?.message).toContain(
      'overlaps host route `10.0.0.0/8`',
    );
  });

  it('move when the host has taken the subnet meanwhile', () => {
    const before = allocate(stack({ a: service() }), STACK, facts()).allocation;
    const subnet = before.subnets['default'] ?? '';
    const after = allocate(stack({ a: service() }), STACK, facts({ own: before, hostRoutes: [subnet] })).allocation;
    expect(after.subnets['default']).not.toBe(subnet);
  });
});

describe('interfaces', () => {
  it('stay with their network when others come and go', () => {
    const before = allocate(
      stack({ a: service({ networks: attach('x', 'y') }) }, { networks: { x: network(), y: network() } }),
      STACK,
      facts(),
    ).allocation;
    expect(before.interfaces).toEqual({ 'a-1/x': 'eth0', 'a-1/y': 'eth1' });
    const spec = stack({ a: service({ networks: attach('w', 'y') }) }, { networks: { w: network(), y: network() } });
    expect(allocate(spec, STACK, facts({ own: before })).allocation.interfaces).toEqual({ 'a-1/w': 'eth0', 'a-1/y': 'eth1' });
  });
});
