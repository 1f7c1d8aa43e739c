import { describe, expect, it } from 'vitest';
import { plainAttachment } from '../../../../dsl/network-defaults.ts';
import type { StackSpec } from '../../../../dsl/spec.ts';
import type { Allocation, ExternalNetwork, HostFacts } from '../../../../engine/model/facts.ts';
import { allocate } from '../../../../engine/plan/allocate.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { reconcile } from '../../../../engine/plan/reconcile.ts';
import { renderPlan } from '../../../../engine/plan/render.ts';
import { NO_ALLOCATION } from '../../../../engine/store/allocation.ts';
import { attach, EMPTY, facts, network, POLICY, port, STACK, service, settled, stack } from '../../../support/plan-world.ts';

const NAT6 = { subnet: undefined, gateway: undefined, way: 'nat' } as const;
const golden = (name: string) => `../../../golden/plan/${name}.txt`;
const LAN = { eth0: { type: '', group: 0 } };

const dual = stack(
  { web: service({ replicas: 2, networks: attach('front', 'back'), ports: [port('0.0.0.0', 8080, 80)] }) },
  { networks: { front: network({ ipv6: NAT6 }), back: network({ internal: true }) } },
);
const lan = stack(
  { web: service({ networks: [{ ...plainAttachment('lan'), macAddress: '02:00:00:00:00:99' }] }) },
  {
    networks: {
      lan: network({
        driver: 'macvlan',
        macvlan: { parent: 'eth0', mode: 'bridge' },
        subnet: '192.168.7.0/24',
        gateway: '192.168.7.1',
        ipRange: '192.168.7.128/28',
      }),
    },
  },
);
const joining = stack(
  { web: service({ networks: attach('theirs') }) },
  {
    networks: {
      theirs: network({ external: { kind: 'stack', stack: 'other', network: 'hub', directory: undefined, instance: undefined } }),
    },
  },
);
const HUB: ExternalNetwork = {
  bridge: 'ts-hub-123456',
  subnet: '10.140.0.0/24',
  gateway: '10.140.0.1',
  subnet6: 'fd00:74:73:9::/64',
  gateway6: 'fd00:74:73:9::1',
  internal: false,
  mtu: 1400,
  key: 'other-1/hub',
  taken: ['10.140.0.2', 'fd00:74:73:9::2'],
};

const lowered = (spec: StackSpec, parts: Partial<HostFacts> = {}) => lower(spec, STACK, facts(parts));
const desiredOf = (spec: StackSpec, parts: Partial<HostFacts> = {}) => {
  const { desired, obstacles } = lowered(spec, parts);
  expect(obstacles).toEqual([]);
  return desired;
};
const linkOf = (spec: StackSpec, id: string, parts: Partial<HostFacts> = {}) =>
  desiredOf(spec, parts).resources.find((resource) => resource.id === id)?.spec;

describe.each([
  ['ipv6', dual, {}],
  ['macvlan', lan, {}],
  ['external', joining, { externals: { theirs: HUB } }],
] as const)('a stack with %s', (name, spec, parts) => {
  it('is made in an order in which each thing finds what it needs, once', async () => {
    const desired = desiredOf(spec, parts);
    const plan = reconcile(desired, { ...EMPTY, unownedLinks: LAN }, POLICY);
    await expect(renderPlan(plan)).toMatchFileSnapshot(golden(`create-${name}`));
    expect(renderPlan(reconcile(desired, { ...settled(desired), unownedLinks: LAN }, POLICY))).toBe('');
  });
});

describe('IPv6', () => {
  it('gives a container the same place in both subnets, and its record both addresses', () => {
    const { allocation } = lowered(dual);
    expect(allocation.subnets6).toEqual({ front: expect.stringMatching(/^fd00:74:73:[0-9a-f]{1,4}::\/64$/) });
    const ends = (address: string | undefined) => address?.split(/[.:]/).at(-1);
    expect([ends(allocation.addresses['web-1/front']), ends(allocation.addresses6['web-1/front'])]).toEqual(['2', '2']);
    const records = desiredOf(dual).resources.flatMap((one) => (one.kind === 'container' ? [one.spec.record] : []));
    expect(records[0]?.addresses6).toEqual({ front: allocation.addresses6['web-1/front'] });
    expect(Object.keys(records[0]?.addresses ?? {})).toEqual(['front', 'back']);
  });

  it('keeps subnets and addresses', () => {
    const own = lowered(dual).allocation;
    expect(lowered(dual, { own }).allocation).toEqual(own);
  });

  it('moves on when a route of the host takes the subnet, and declared ones say who has them', () => {
    const subnet = lowered(dual).allocation.subnets6['front'] ?? '';
    expect(lowered(dual, { hostRoutes: [subnet] }).allocation.subnets6['front']).not.toBe(subnet);
    const declared = stack({}, { networks: { front: network({ ipv6: { ...NAT6, subnet } }) } });
    expect(lowered(declared, { hostRoutes: [subnet] }).obstacles[0]).toMatchObject({
      message: `cannot create network \`front\`: subnet ${subnet} overlaps host route \`${subnet}\``,
      hint: expect.stringContaining('networks.front.ipv6.subnet'),
    });
  });

  it('of a declared address is never given to another', () => {
    const networks = { front: network({ ipv6: { ...NAT6, subnet: 'fd01::/64', gateway: 'fd01::ff' } }) };
    const fixed = [{ ...plainAttachment('front'), ipv6Address: 'fd01::2' }];
    const { addresses6 } = lowered(
      stack({ a: service({ networks: attach('front') }), b: service({ networks: fixed }) }, { networks }),
    ).allocation;
    expect(addresses6).toEqual({ 'a-1/front': 'fd01::1', 'b-1/front': 'fd01::2' });
  });

  it('is an obstacle where the host has none', () => {
    expect(lowered(dual, { ipv6: false }).obstacles.map(({ message }) => message)).toEqual([
      "cannot create network `front`: it has IPv6, and this host hasn't",
    ]);
  });

  it('keeps what routers advertise to the host, and says so', () => {
    const { desired, notices } = lowered(dual, { advertisedLinks: ['eth0'] });
    const sysctls = desired.resources.filter(({ kind }) => kind === 'sysctl');
    expect(sysctls.find(({ id }) => id === 'sysctl:shop/ipv6_forward')?.needs).toEqual([
      { resource: 'sysctl:shop/accept_ra/eth0', until: 'done' },
    ]);
    expect(notices.map(({ message }) => message).join()).toContain('net.ipv6.conf.eth0.accept_ra becomes 2');
    const without = stack({ web: service() });
    expect(desiredOf(without, { advertisedLinks: ['eth0'] }).resources.some(({ id }) => id.includes('accept_ra'))).toBe(false);
  });
});

describe('links', () => {
  it('of containers that publish ports are sent back what came from them, on the network of the ports alone', () => {
    expect(linkOf(dual, 'link:shop/web-1@front')).toMatchObject({ hairpin: true });
    expect(linkOf(dual, 'link:shop/web-1@back')).toMatchObject({ hairpin: false });
  });

  it('that lost hairpin mode get it back', () => {
    const desired = desiredOf(dual);
    const world = settled(desired);
    const resources = world.resources.map((one) =>
      one.kind === 'link' && one.id === 'link:shop/web-2@front' ? { ...one, state: { ...one.state, hairpin: false } } : one,
    );
    expect(renderPlan(reconcile(desired, { ...world, resources }, POLICY))).toBe(
      '[] -> #1 link:shop/web-2@front, link.update, hairpin mode off → on\n',
    );
  });

  it('have the MAC address that is declared, and are made anew with another one', () => {
    const before = stack({ web: service() });
    const after = stack({ web: service({ networks: [{ ...plainAttachment('default'), macAddress: '02:00:00:00:00:07' }] }) });
    expect(linkOf(after, 'link:shop/web-1@default')).toMatchObject({ peerAddress: '02:00:00:00:00:07' });
    const plan = reconcile(desiredOf(after, { own: lowered(before).allocation }), settled(desiredOf(before)), POLICY);
    expect(plan.steps.map(({ resource, op }) => `${resource} ${op.kind}`)).toEqual(
      expect.arrayContaining(['link:shop/web-1@default link.delete', 'link:shop/web-1@default link.create']),
    );
  });
});

describe('a macvlan', () => {
  it('is made anew in another mode, where it is', () => {
    const desired = desiredOf(lan);
    const world = settled(desired);
    const resources = world.resources.map((one) =>
      one.kind === 'link' ? { ...one, state: { ...one.state, mode: 'vepa' as const } } : one,
    );
    const plan = reconcile(desired, { resources, unownedLinks: LAN }, POLICY);
    expect(plan.steps.map(({ op, cause }) => `${op.kind} ${cause}`)).toContain('link.delete mode vepa → bridge');
    expect(plan.steps.find(({ op }) => op.kind === 'link.delete')?.op).toMatchObject({ inside: 'web-1' });
  });

  it('needs its parent', () => {
    const plan = reconcile(desiredOf(lan), { ...EMPTY, unownedLinks: {} }, POLICY);
    expect(plan.obstacles[0]?.message).toBe('cannot put container `web-1` on link `eth0`: this host has no such link');
  });

  it('takes its addresses from the declared range, beside those of other stacks on the same link', () => {
    const others: Allocation = {
      ...NO_ALLOCATION,
      joined: { 'other-1/out': 'macvlan:eth0', 'third-1/out': 'macvlan:eth1' },
      addresses: { 'other-1/db-1/out': '192.168.7.128', 'third-1/db-1/out': '192.168.7.129' },
    };
    const { allocation } = lowered(lan, { others });
    expect(allocation.addresses).toEqual({ 'web-1/lan': '192.168.7.129' });
    expect([allocation.subnets, allocation.joined]).toEqual([{}, { lan: 'macvlan:eth0' }]);
  });
});

describe('a network of another stack', () => {
  it('is joined with addresses that nobody has, and is not held', () => {
    const { allocation } = lowered(joining, { externals: { theirs: HUB } });
    expect(allocation).toMatchObject({
      subnets: {},
      subnets6: {},
      joined: { theirs: 'other-1/hub' },
      addresses: { 'web-1/theirs': '10.140.0.3' },
      addresses6: { 'web-1/theirs': 'fd00:74:73:9::3' },
    });
    expect(linkOf(joining, 'link:shop/web-1@theirs', { externals: { theirs: HUB } })).toMatchObject({ master: 'ts-hub-123456', mtu: 1400 });
  });

  it('that is not there is an obstacle that says why, and what to do', () => {
    const refusedExternals = { theirs: { why: 'stack `other` is not up', hint: 'bring it up first' } };
    expect(lowered(joining, { refusedExternals }).obstacles[0]).toMatchObject({
      message: 'cannot join network `theirs`: stack `other` is not up',
      hint: 'bring it up first',
    });
  });

  it('that is ours gives nobody what those who joined it have', () => {
    const spec = stack({ web: service() }, { networks: { default: network({ shared: true, subnet: '10.9.0.0/24' }) } });
    const others: Allocation = {
      ...NO_ALLOCATION,
      joined: { 'other-1/mine': `${STACK.id}/default` },
      addresses: { 'other-1/db-1/mine': '10.9.0.2', 'other-1/db-1/else': '10.9.0.3' },
    };
    expect(lowered(spec, { others }).allocation.addresses).toEqual({ 'web-1/default': '10.9.0.3' });
  });
});

it('a thousand networks of a hundred stacks are given out without overlap, in both families', () => {
  const others: { -readonly [K in keyof Allocation]: Record<string, Allocation[K][string]> } = structuredClone(NO_ALLOCATION);
  for (let i = 0; i < 100; i++) {
    const identity = { ...STACK, hash: `${i}`, id: `shop-${i}` };
    const networks = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`n${n}`, network({ ipv6: NAT6 })]));
    const spec = stack({ web: service({ networks: attach(...Object.keys(networks)) }) }, { networks });
    const { allocation, obstacles } = allocate(spec, identity, facts({ others, hostRoutes: ['10.129.0.0/16', '192.168.0.0/16'] }));
    expect(obstacles).toEqual([]);
    for (const [name, subnet] of Object.entries(allocation.subnets)) others.subnets[`${identity.id}/${name}`] = subnet;
    for (const [name, subnet] of Object.entries(allocation.subnets6)) others.subnets6[`${identity.id}/${name}`] = subnet;
  }
  const subnets = Object.values(others.subnets);
  expect([new Set(subnets).size, new Set(Object.values(others.subnets6)).size]).toEqual([1000, 1000]);
  expect(subnets.filter((cidr) => cidr.startsWith('10.129.'))).toEqual([]);
});
