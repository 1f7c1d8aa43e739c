import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressExecutors } from '../../engine/kernel/addresses.ts';
import { type LinkExecutors, linkExecutors, observeLinks } from '../../engine/kernel/links.ts';
import { type NetworkNamespaces, openNetworkNamespaces } from '../../engine/kernel/network-namespaces.ts';
import type { BridgeSpec, LinkSpec, LinkState, MacvlanSpec, VethSpec } from '../../engine/model/resources.ts';
import { currentNetns, missing, newNetns, openFds, type TestNetns } from './netlink-fixture.ts';

const BRIDGE: BridgeSpec = { type: 'bridge', ifname: 'ts-br', ifalias: 'tsstack:shop/default#3f9a1c2e', group: 4711, mtu: undefined };
const VETH: VethSpec = {
  type: 'veth',
  ifname: 'ts-web-1',
  ifalias: 'tsstack:shop/web-1/default#3f9a1c2e',
  group: 4711,
  mtu: undefined,
  master: 'ts-br',
  container: 'web-1',
  peerIfname: 'eth0',
  peerAddress: '02:00:0a:80:03:02',
  hairpin: false,
};
const MACVLAN: MacvlanSpec = {
  type: 'macvlan',
  ifname: 'eth1',
  ifalias: 'tsstack:shop/web-1@lan#3f9a1c2e',
  group: 4711,
  mtu: undefined,
  parent: 'lan0',
  mode: 'bridge',
  container: 'web-1',
  address: '02:00:0a:80:03:03',
};

// Not operstate: that follows a moment later (net/core/link_watch.c).
const IS_UP = expect.arrayContaining(['UP', 'LOWER_UP']);

describe.skipIf(missing !== undefined)(`links ${missing ?? ''}`, () => {
  const { signal } = new AbortController();
  let host: TestNetns;
  let web: TestNetns;
  let namespaces: NetworkNamespaces;
  let links: LinkExecutors;
  let fds: readonly string[];
  let home: string;

  beforeEach(async () => {
    [fds, home] = [openFds(), currentNetns()];
    [host, web] = await Promise.all([newNetns(), newNetns()]);
    namespaces = openNetworkNamespaces(() => web.pid, host.path);
    links = linkExecutors({ namespaces });
  });
  afterEach(async () => {
    namespaces[Symbol.dispose]();
    await Promise.all([host[Symbol.asyncDispose](), web[Symbol.asyncDispose]()]);
    expect([openFds(), currentNetns()]).toEqual([fds, home]);
  });

  const create = (link: LinkSpec) => links['link.create']({ kind: 'link.create', link }, signal);
  const hostLink = (ifname: string) => host.ip('-d', 'link').find((link) => link.ifname === ifname);
  // Older kernels list them in the order of a hash table.
  const inOrder = (netns: TestNetns) => netns.ip('link').toSorted((a, b) => Number(a['ifindex']) - Number(b['ifindex']));
  const hostNames = () => inOrder(host).map(({ ifname }) => ifname);
  const observed = (ifname: string): LinkState => {
    const found = observeLinks(namespaces.host).find((link) => link.ifname === ifname);
    if (found === undefined) throw new Error(`no link ${ifname}`);
    return found;
  };

  test('a bridge is marked, grouped, up, without spanning tree or link-local address, and its MAC address is always the same', async () => {
    await create({ ...BRIDGE, mtu: 1400 });
    const first = hostLink('ts-br');
    expect(first).toMatchObject({
      ifalias: BRIDGE.ifalias,
      group: '4711',
      mtu: 1400,
      inet6_addr_gen_mode: 'none',
      linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0 } },
      flags: expect.arrayContaining(['UP']),
    });
    host.ip('link', 'delete', 'ts-br');
    await create(BRIDGE);
    expect(hostLink('ts-br')).toMatchObject({ address: first?.address, mtu: 1500 });
  });

  test('a bridge without ports takes an address', async () => {
    await create(BRIDGE);
    const address = { netns: { in: 'host' }, ifname: 'ts-br', cidr: '10.128.3.1/24' } as const;
    await addressExecutors({ namespaces })['address.add']({ kind: 'address.add', address }, signal);
    expect(host.ip('addr', 'show', 'ts-br')).toMatchObject([
      { addr_info: [{ local: '10.128.3.1', prefixlen: 24, broadcast: '10.128.3.255' }] },
    ]);
  });

  test('a veth has its host end under the bridge and its container end up inside, with one queue and no link-local address', async () => {
    await create(BRIDGE);
    await create({ ...VETH, mtu: 1400 });
    const oneQueue = { num_tx_queues: 1, num_rx_queues: 1, inet6_addr_gen_mode: 'none', mtu: 1400, flags: IS_UP };
    expect(hostLink('ts-web-1')).toMatchObject({ ...oneQueue, ifalias: VETH.ifalias, group: '4711', master: 'ts-br' });
    expect(web.ip('-d', 'link', 'show', 'eth0')).toMatchObject([
      { ...oneQueue, address: '02:00:0a:80:03:02', linkinfo: { info_kind: 'veth' } },
    ]);
    expect(web.ip('-6', 'addr', 'show', 'eth0')).toEqual([]);
    expect(host.ip('-6', 'addr', 'show', 'dev', 'ts-web-1')).toEqual([]);
  });

  test('the MAC address of a bridge stays when a port with a lower one comes', async () => {
    await create(BRIDGE);
    const before = hostLink('ts-br')?.address;
    await create(VETH);
    host.ip('link', 'set', 'ts-web-1', 'address', '00:00:00:00:00:01');
    expect(hostLink('ts-br')?.address).toBe(before);
  });

  test('a bridge sends back to a port what came from it only if it must, and it is seen and put right', async () => {
    await create(BRIDGE);
    await create({ ...VETH, hairpin: true });
    const hairpin = () => JSON.stringify(hostLink('ts-web-1')?.['linkinfo']).includes('"hairpin":true');
    expect([hairpin(), observed('ts-web-1').hairpin]).toEqual([true, true]);
    host.ip('link', 'set', 'ts-web-1', 'type', 'bridge_slave', 'hairpin', 'off');
    expect(observed('ts-web-1').hairpin).toBe(false);
    const update = (link: VethSpec) => links['link.update']({ kind: 'link.update', link, observed: observed('ts-web-1') }, signal);
    await update({ ...VETH, hairpin: true });
    expect(hairpin()).toBe(true);
    await update(VETH);
    expect(hairpin()).toBe(false);
    // A port that leaves and comes back has lost it.
    await update({ ...VETH, hairpin: true });
    host.ip('link', 'set', 'ts-web-1', 'nomaster');
    await update({ ...VETH, hairpin: true });
    expect([hostLink('ts-web-1')?.['master'], hairpin()]).toEqual(['ts-br', true]);
  });

  test.each(['bridge', 'private', 'vepa', 'passthru'] as const)(
    'a macvlan of mode %s is in the container alone: named, marked, grouped, up',
    async (mode) => {
      host.ip('link', 'add', 'lan0', 'up', 'type', 'veth', 'peer', 'name', 'lan1');
      await create({ ...MACVLAN, mode, mtu: 1400 });
      const [seen] = web.ip('-d', 'link', 'show', 'eth1');
      expect(seen).toMatchObject({
        // That of its parent, where nobody else is on it.
        address: mode === 'passthru' ? observed('lan0').address : MACVLAN.address,
        ifalias: MACVLAN.ifalias,
        group: '4711',
        mtu: 1400,
        inet6_addr_gen_mode: 'none',
        linkinfo: { info_kind: 'macvlan', info_data: { mode } },
        flags: expect.arrayContaining(['UP']),
      });
      expect(hostNames()).toEqual(['lo', 'lan1', 'lan0']);
      const inThere = observeLinks(namespaces.container('web-1')).find(({ ifname }) => ifname === 'eth1');
      expect(inThere).toMatchObject({ type: 'macvlan', mode, link: observed('lan0').ifindex, up: true, ifalias: MACVLAN.ifalias });
    },
  );

  test('a macvlan that was set down is put up, and one that is deleted leaves its parent alone', async () => {
    host.ip('link', 'add', 'lan0', 'up', 'type', 'veth', 'peer', 'name', 'lan1');
    await create(MACVLAN);
    web.ip('link', 'set', 'eth1', 'down');
    const inThere = () => observeLinks(namespaces.container('web-1')).find(({ ifname }) => ifname === 'eth1');
    const found = inThere();
    if (!found) throw new Error('no macvlan');
    expect(found.up).toBe(false);
    await links['link.update']({ kind: 'link.update', link: MACVLAN, observed: found }, signal);
    expect(inThere()?.up).toBe(true);
    await links['link.delete']({ kind: 'link.delete', ifindex: found.ifindex, ifname: 'eth1', inside: 'web-1' }, signal);
    expect(web.ip('link').map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(hostNames()).toEqual(['lo', 'lan1', 'lan0']);
  });

  test('a macvlan without its parent, or whose name is taken in the container, leaves nothing on the host', async () => {
    await expect(create(MACVLAN)).rejects.toThrow(/cannot create link `eth1`: RTM_\w+ failed with ENODEV/);
    host.ip('link', 'add', 'lan0', 'up', 'type', 'veth', 'peer', 'name', 'lan1');
    web.ip('link', 'add', 'eth1', 'type', 'bridge');
    await expect(create(MACVLAN)).rejects.toThrow('cannot create link `eth1`: container `web-1` already has a link `eth1`');
    expect(hostNames()).toEqual(['lo', 'lan1', 'lan0']);
    expect(web.ip('link').map(({ ifname }) => ifname)).toEqual(['lo', 'eth1']);
  });

  test('links are observed as ip sees them', async () => {
    await create(BRIDGE);
    await create(VETH);
    const witness = host.ip('-d', 'link').map((link) => ({
      ifindex: link.ifindex,
      ifname: link.ifname,
      ifalias: link.ifalias,
      mtu: link.mtu,
      address: link.address,
      up: JSON.stringify(link.flags).includes('"UP"'),
    }));
    const ours = observeLinks(namespaces.host);
    expect(ours).toMatchObject(witness);
    expect(observed('ts-web-1')).toMatchObject({ type: 'veth', group: 4711, master: observed('ts-br').ifindex });
    expect(observed('lo')).toMatchObject({ type: '', group: 0, master: 0, ifalias: undefined });
  });

  test('a foreign link of the name is reported and not touched', async () => {
    host.ip('link', 'add', 'ts-br', 'type', 'bridge');
    const before = hostLink('ts-br');
    await expect(create(BRIDGE)).rejects.toMatchObject({
      message: 'cannot create link `ts-br`: a link of that name is already there, without a mark of ours',
      code: 'obstacle',
    });
    expect(hostLink('ts-br')).toEqual(before);
  });

  test('a foreign link of a veth’s name is reported and not touched', async () => {
    await create(BRIDGE);
    host.ip('link', 'add', 'ts-web-1', 'type', 'bridge');
    const before = hostLink('ts-web-1');
    await expect(create(VETH)).rejects.toThrow('cannot create link `ts-web-1`: a link of that name is already there');
    expect(hostLink('ts-web-1')).toEqual(before);
    expect(web.ip('link').map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  test('our own link, left by a run that was cut off, is reported as such', async () => {
    await create(BRIDGE);
    await expect(create(BRIDGE)).rejects.toMatchObject({
      message: 'cannot create link `ts-br`: it is already there with our mark `tsstack:shop/default#3f9a1c2e`',
      hint: expect.stringContaining('cut off'),
    });
  });

  test('a container that has a link of that name already is named, and nothing is left on the host', async () => {
    await create(BRIDGE);
    web.ip('link', 'add', 'eth0', 'type', 'bridge');
    await expect(create(VETH)).rejects.toThrow('cannot create link `ts-web-1`: container `web-1` already has a link `eth0`');
    expect(hostNames()).toEqual(['lo', 'ts-br']);
  });

  test.each([
    ['bridge', { ...BRIDGE, ifalias: 'x'.repeat(256) }],
    ['veth', { ...VETH, ifalias: 'x'.repeat(256) }],
  ])('a %s that cannot be marked is deleted again', async (_, link) => {
    host.ip('link', 'add', 'ts-br', 'type', 'bridge');
    if (link.type === 'bridge') host.ip('link', 'delete', 'ts-br');
    const before = hostNames();
    await expect(create(link)).rejects.toThrow(/^cannot create link `ts-.*`: RTM_SETLINK failed with /);
    expect(hostNames()).toEqual(before);
  });

  test('a veth to a bridge that is not there fails and leaves nothing', async () => {
    await expect(create(VETH)).rejects.toMatchObject({
      message: expect.stringContaining('cannot create link `ts-web-1`: RTM_GETLINK failed with ENODEV (ts-br)'),
      hint: 'is bridge `ts-br` there?',
    });
    expect(hostNames()).toEqual(['lo']);
  });

  test('a veth goes under the bridge that is there now, not under one that was', async () => {
    await create(BRIDGE);
    host.ip('link', 'delete', 'ts-br');
    host.ip('link', 'add', 'ts-br', 'type', 'bridge');
    await create(VETH);
    expect(hostLink('ts-web-1')).toMatchObject({ master: 'ts-br' });
  });

  test('fifty veths at once are all whole', async () => {
    await create(BRIDGE);
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    await Promise.all(numbers.map((n) => create({ ...VETH, ifname: `ts-v${n}`, ifalias: `tsstack:${n}`, peerIfname: `eth${n}` })));
    const whole = { master: 'ts-br', group: '4711', flags: IS_UP };
    expect(inOrder(host).slice(2)).toMatchObject(numbers.map((n) => ({ ...whole, ifname: `ts-v${n}`, ifalias: `tsstack:${n}` })));
    expect(inOrder(web).slice(1)).toMatchObject(numbers.map((n) => ({ ifname: `eth${n}`, flags: IS_UP })));
  });

  test('an update sets mtu, master, group, mark and up again', async () => {
    await create(BRIDGE);
    await create(VETH);
    host.ip('link', 'set', 'ts-web-1', 'nomaster', 'down', 'mtu', '1300', 'group', '9', 'alias', 'spoilt');
    web.ip('link', 'set', 'eth0', 'down');
    await links['link.update']({ kind: 'link.update', link: { ...VETH, mtu: 1450 }, observed: observed('ts-web-1') }, signal);
    expect(hostLink('ts-web-1')).toMatchObject({ master: 'ts-br', mtu: 1450, group: '4711', ifalias: VETH.ifalias, flags: IS_UP });
    expect(web.ip('link', 'show', 'eth0')).toMatchObject([{ mtu: 1450, flags: IS_UP }]);
    host.ip('link', 'set', 'ts-br', 'down');
    await links['link.update']({ kind: 'link.update', link: BRIDGE, observed: observed('ts-br') }, signal);
    expect(hostLink('ts-br')).toMatchObject({ flags: expect.arrayContaining(['UP']) });
  });

  test('deleting a link twice is as good as once', async () => {
    await create(BRIDGE);
    await create(VETH);
    const { ifindex, ifname } = observed('ts-web-1');
    const remove = () => links['link.delete']({ kind: 'link.delete', ifindex, ifname }, signal);
    await remove();
    await remove();
    expect(hostNames()).toEqual(['lo', 'ts-br']);
    expect(web.ip('link').map((link) => link.ifname)).toEqual(['lo']);
  });

  test('a group goes in one message, and only it', async () => {
    await create(BRIDGE);
    await create(VETH);
    await create({ ...BRIDGE, ifname: 'other', group: 4712 });
    const remove = () => links['link.delete-group']({ kind: 'link.delete-group', group: 4711 }, signal);
    await remove();
    await remove();
    expect(hostNames()).toEqual(['lo', 'other']);
  });

  test('nothing is begun after the signal', async () => {
    await expect(links['link.create']({ kind: 'link.create', link: BRIDGE }, AbortSignal.abort())).rejects.toThrow();
    expect(hostNames()).toEqual(['lo']);
  });
});
