import { expect, it } from 'vitest';
import type { StackSpec } from '../../../../dsl/spec.ts';
import type { Allocation } from '../../../../engine/model/facts.ts';
import type { ContainerState } from '../../../../engine/model/resources.ts';
import { nothingDesired } from '../../../../engine/model/resources.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { bridgeName, stackIdentity } from '../../../../engine/plan/names.ts';
import { NO_ALLOCATION } from '../../../../engine/store/allocation.ts';
import { networksOf, type StackView } from '../../../../engine/wiring/network-listing.ts';
import { attach, facts, network, port, STACK, service, stack } from '../../../support/plan-world.ts';

const RUNNING: ContainerState['status'] = {
  state: 'running',
  monitor: undefined,
  init: undefined,
  createdAt: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  exit: undefined,
};

/** As it is when all of its containers run. */
function viewOf(spec: StackSpec): StackView {
  const { desired, allocation } = lower(spec, STACK, facts());
  const containers = desired.resources.flatMap(({ kind, spec: container }): ContainerState[] =>
    kind === 'container' ? [{ name: container.record.name, record: container.record, status: RUNNING }] : [],
  );
  return { stack: STACK, allocation, containers, state: { version: 1, build: '', spec, desired, source: undefined } };
}

const front = bridgeName(STACK, 'front');
const shop = viewOf(
  stack(
    {
      web: service({
        networks: [{ ...attach('front')[0], aliases: ['www'] }, ...attach('back')].flatMap(complete),
        ports: [port('::1', 8080, 80)],
      }),
      db: service({ networks: attach('back'), replicas: 2 }),
    },
    {
      networks: {
        front: network({ shared: true, mtu: 1400 }),
        back: network({ internal: true, subnet: '10.9.0.0/24', gateway: '10.9.0.77' }),
      },
    },
  ),
);

function complete(attachment: Partial<StackSpec['services'][string]['networks'][number]>) {
  const [plain] = attach(attachment.network ?? '');
  return plain === undefined ? [] : [{ ...plain, ...attachment }];
}

it('are those of the stack, with who is on them', () => {
  const [back, other] = networksOf(shop, [shop], new Set([front]));
  expect(back).toMatchObject({ name: 'back', internal: true, subnets: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.77' }], present: false });
  expect(back?.members.map(({ container }) => container)).toEqual(['shop-db-1', 'shop-db-2', 'shop-web-1']);
  const subnet = shop.allocation.subnets['front'] ?? '';
  const address = shop.allocation.addresses['web-1/front'] ?? '';
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  expect(other).toEqual({
    name: 'front',
    stack: 'shop',
    instance: undefined,
    directory: '/srv/shop',
    driver: 'bridge',
    external: undefined,
    shared: true,
    internal: false,
    hostAccess: false,
    subnets: [{ subnet, gateway: subnet.replace(/0\/24$/, '1'), ipRange: undefined }],
    mtu: 1400,
    labels: {},
    link: front,
    present: true,
    members: [
      {
        container: 'shop-web-1',
        stack: 'shop',
        service: 'web',
        state: 'running',
        addresses: [address],
        macAddress: `02:74:${bytes.join(':')}`,
        interface: 'eth0',
        names: ['shop-web-1', 'web-1', 'web', 'www'],
        ports: ['[::1]:8080->80/tcp'],
      },
    ],
  });
});

it('that another stack has joined have its containers, too, and are its owner’s in both lists', () => {
  const key = `${STACK.id}/front`;
  const allocation: Allocation = { ...NO_ALLOCATION, joined: { infra: key }, interfaces: { 'app-1/infra': 'eth0' } };
  const external = { kind: 'stack', stack: 'shop', network: 'front', directory: undefined, instance: undefined } as const;
  const spec = stack({ app: service({ networks: attach('infra') }) }, { name: 'guest', networks: { infra: network({ external }) } });
  const record = shop.containers[0]?.record;
  if (record === undefined) throw new Error('there is no record');
  const app = { ...record, name: 'app-1', service: 'app', addresses: { infra: '10.1.2.9' }, addresses6: { infra: 'fd00::9' }, ports: [] };
  const guest: StackView = {
    stack: stackIdentity('guest', '/srv/guest', undefined),
    allocation,
    containers: [{ name: 'app-1', record: app, status: RUNNING }],
    state: { version: 1, build: '', spec, desired: nothingDesired('guest'), source: undefined },
  };
  const all = [guest, shop];
  const [joined] = networksOf(guest, all, new Set([front]));
  expect(joined).toMatchObject({
    name: 'infra',
    stack: 'guest',
    external: 'shop/front',
    shared: true,
    mtu: 1400,
    subnets: [{ subnet: shop.allocation.subnets['front'] }],
    link: front,
    present: true,
  });
  const owned = networksOf(shop, all, new Set([front]))[1];
  expect(owned?.members).toEqual(joined?.members);
  expect(owned?.members.map(({ container, addresses }) => [container, addresses])).toEqual([
    ['guest-app-1', ['10.1.2.9', 'fd00::9']],
    ['shop-web-1', [shop.allocation.addresses['web-1/front']]],
  ]);
  const alone = networksOf(guest, [guest], new Set([front]))[0];
  expect(alone).toMatchObject({ link: undefined, present: false, subnets: [] });
});

it('of the host’s own links have what the stack file says of them', () => {
  const networks = {
    lan: network({ driver: 'macvlan', macvlan: { parent: 'eth0', mode: 'bridge' }, subnet: '192.0.2.0/24' }),
    office: network({
      external: { kind: 'bridge', ifname: 'br0' },
      subnet: '10.8.0.0/24',
      ipv6: { subnet: 'fd00:8::/64', gateway: undefined, way: 'nat' },
    }),
  };
  const spec = stack({}, { networks });
  const view: StackView = {
    ...{ stack: STACK, allocation: NO_ALLOCATION, containers: [] },
    state: { version: 1, build: '', spec, desired: nothingDesired('shop'), source: undefined },
  };
  const found = networksOf(view, [view], new Set(['eth0']));
  const gateway = { gateway: undefined, ipRange: undefined };
  expect(found).toMatchObject([
    { driver: 'macvlan', external: undefined, link: 'eth0', present: true, subnets: [{ subnet: '192.0.2.0/24', ...gateway }] },
    {
      driver: 'bridge',
      external: 'bridge br0',
      link: 'br0',
      present: false,
      subnets: [
        { subnet: '10.8.0.0/24', ...gateway },
        { subnet: 'fd00:8::/64', ...gateway },
      ],
    },
  ]);
});
