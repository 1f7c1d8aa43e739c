import { expect, test } from 'vitest';
import { renderNetworks } from '../../../cli/commands/networks.ts';
import type { NetworkListing, NetworkMember } from '../../../engine/model/network-listing.ts';
import { session } from './support/session.ts';

const MEMBER: NetworkMember = {
  container: 'shop-web-1',
  stack: 'shop',
  service: 'web',
  state: 'running',
  addresses: ['10.1.0.2', 'fd00::2'],
  macAddress: '02:74:0a:01:00:02',
  interface: 'eth0',
  names: ['shop-web-1', 'web-1', 'web'],
  ports: [],
};
const FRONT: NetworkListing = {
  name: 'front',
  stack: 'shop',
  instance: undefined,
  directory: '/srv/shop',
  driver: 'bridge',
  external: undefined,
  shared: false,
  internal: false,
  hostAccess: false,
  subnets: [
    { subnet: '10.1.0.0/24', gateway: '10.1.0.1', ipRange: undefined },
    { subnet: 'fd00::/64', gateway: 'fd00::1', ipRange: undefined },
  ],
  mtu: undefined,
  labels: {},
  link: 'ts-front-123456',
  present: true,
  members: [MEMBER],
};
const BACK: NetworkListing = {
  ...FRONT,
  name: 'back',
  internal: true,
  shared: true,
  subnets: [],
  link: 'ts-back-123456',
  present: false,
  members: [],
};

test('networks shows a line a network', async () => {
  const s = session({ networks: async () => [FRONT, BACK, { ...BACK, name: 'up', external: 'infra/front', link: undefined }] });
  expect(await s.run('networks')).toBe(0);
  expect(s.out()).toBe(
    [
      'NAME   DRIVER  SUBNETS                 KIND                      CONTAINERS  LINK',
      'front  bridge  10.1.0.0/24, fd00::/64  -                         1           ts-front-123456',
      'back   bridge                          internal, shared          0           ts-back-123456 (missing)',
      'up     bridge                          of infra/front, internal  0           -',
      '',
    ].join('\n'),
  );
});

test('networks of all stacks have the stack in front', () => {
  const text = renderNetworks([FRONT, { ...FRONT, instance: 'two', internal: true, hostAccess: true }], { withStack: true });
  const [header, first, second] = text.split('\n');
  expect(header).toMatch(/^STACK {7}NAME /);
  expect(first).toMatch(/^shop {8}front /);
  expect(second).toMatch(/^shop \(two\) {2}front .* internal with host /);
});

test('networks says where there are none, and keeps JSON a document', async () => {
  const none = session({ networks: async () => [] });
  expect(await none.run('networks')).toBe(0);
  expect([none.out(), none.err()]).toEqual(['', 'there are no networks; `tsstack up -d` makes them\n']);
  const some = session({ networks: async () => [FRONT] });
  await some.run('networks', '--json');
  expect(JSON.parse(some.out())).toEqual(JSON.parse(JSON.stringify([FRONT])));
});

test('network inspect prints what is known of those that were asked for, in that order', async () => {
  const s = session({ networks: async () => [BACK, FRONT] });
  expect(await s.run('network', 'inspect', 'front', 'back')).toBe(0);
  expect(JSON.parse(s.out())).toEqual(JSON.parse(JSON.stringify([FRONT, BACK])));
});

test('network inspect of one that is not there names the nearest', async () => {
  const s = session({ networks: async () => [BACK, FRONT] });
  await expect(s.run('network', 'inspect', 'fornt')).rejects.toMatchObject({
    message: 'there is no network `fornt`',
    hint: 'did you mean `front`?',
    code: 'not-found',
  });
  await expect(s.run('network', 'remove', 'front')).rejects.toMatchObject({ message: 'unknown word `remove` of `tsstack network`' });
});
