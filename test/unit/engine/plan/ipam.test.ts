import { IPv4CidrRange } from 'ip-num';
import { describe, expect, it } from 'vitest';
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import { allocate } from '../../../../engine/plan/allocate.ts';
import { chooseAddress, chooseSubnet, formatSubnet, overlaps, parseCidr, type Subnet } from '../../../../engine/plan/ipam.ts';
import { attach, facts, network, STACK, service, stack } from '../../../support/plan-world.ts';

describe('subnets', () => {
  it('have the bounds that ip-num gives them', () => {
    for (let prefix = 0; prefix <= 32; prefix++) {
      for (const address of ['0.0.0.0', '10.128.3.77', '192.168.255.255', '255.255.255.255']) {
        const cidr = `${address}/${prefix}`;
        const range = IPv4CidrRange.fromCidr(cidr);
        const { first, last } = parseCidr(cidr);
        expect([cidr, BigInt(first), BigInt(last)]).toEqual([cidr, range.getFirst().getValue(), range.getLast().getValue()]);
      }
    }
  });

  it.each([
    ['10.0.0.0/8', '10.200.3.0/24', true],
    ['10.200.3.0/24', '10.0.0.0/8', true],
    ['10.200.3.0/24', '10.200.4.0/24', false],
    ['0.0.0.0/0', '192.168.0.0/16', true],
    ['10.200.3.7/24', '10.200.3.255/32', true],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(overlaps(parseCidr(a), parseCidr(b))).toBe(expected);
  });

  it('are given out a thousand times without overlap', () => {
    const taken: Subnet[] = [];
    for (let i = 0; i < 1000; i++) {
      const subnet = chooseSubnet(`network-${i}`, taken);
      if (!subnet) throw new Error(`none left after ${i}`);
      taken.push(subnet);
    }
    const unique = new Set(taken.map(formatSubnet));
    expect(unique.size).toBe(1000);
    expect([...unique].every((cidr) => overlaps(parseCidr(cidr), parseCidr('10.128.0.0/10')))).toBe(true);
  });

  it('avoid what the host routes to', () => {
    expect(chooseSubnet('x', [parseCidr('10.128.0.0/10')])).toBeUndefined();
    const almost = Array.from({ length: 64 }, (_, i) => parseCidr(`10.${128 + i}.0.0/16`)).filter((_, i) => i !== 7);
    expect(formatSubnet(chooseSubnet('x', almost) ?? parseCidr('0.0.0.0/0'))).toMatch(/^10\.135\.\d+\.0\/24$/);
  });
});

describe('addresses', () => {
  it('leave out network, broadcast and what is taken', () => {
    const subnet = parseCidr('10.1.1.0/29');
    const taken = new Set<string>();
    const given: (string | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      const address = chooseAddress(subnet, taken);
      given.push(address);
      if (address !== undefined) taken.add(address);
    }
    expect(given).toEqual(['10.1.1.1', '10.1.1.2', '10.1.1.3', '10.1.1.4', '10.1.1.5', '10.1.1.6', undefined]);
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
