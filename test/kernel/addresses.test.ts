import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressExecutors, observeAddresses } from '../../engine/kernel/addresses.ts';
import { observeInside } from '../../engine/kernel/inside.ts';
import { type NetworkNamespaces, openNetworkNamespaces } from '../../engine/kernel/network-namespaces.ts';
import { observeRoutes, routeExecutors } from '../../engine/kernel/routes.ts';
import { observeSysctls, sysctlExecutors } from '../../engine/kernel/sysctls.ts';
import type { AddressSpec, NetnsRef, RouteSpec } from '../../engine/model/resources.ts';
import { withNetns } from '../../native/ffi/netns.ts';
import { missing, newNetns, type TestNetns } from './netlink-fixture.ts';

const HOST: NetnsRef = { in: 'host' };
const WEB: NetnsRef = { in: 'container', container: 'web-1' };
const ADDRESS: AddressSpec = { netns: WEB, ifname: 'eth0', cidr: '10.128.3.2/24' };
const ADDRESS6: AddressSpec = { netns: WEB, ifname: 'eth0', cidr: 'fd00:74:73:1::a/64' };
const DEFAULT6: RouteSpec = { netns: WEB, destination: 'default', gateway: 'fd00:74:73:1::1', ifname: 'eth0' };
const DEFAULT: RouteSpec = { netns: WEB, destination: 'default', gateway: '10.128.3.1', ifname: 'eth0' };

describe.skipIf(missing !== undefined)(`addresses, routes and sysctls ${missing ?? ''}`, () => {
  const { signal } = new AbortController();
  let host: TestNetns;
  let web: TestNetns;
  let namespaces: NetworkNamespaces;

  beforeEach(async () => {
    [host, web] = await Promise.all([newNetns(), newNetns()]);
    namespaces = openNetworkNamespaces(() => web.pid, host.path);
    addLink('eth0');
    addLink('eth1');
  });
  afterEach(async () => {
    namespaces[Symbol.dispose]();
    await Promise.all([host[Symbol.asyncDispose](), web[Symbol.asyncDispose]()]);
  });

  // Of a link whose addresses have other scopes, ip tells an empty one for each of these.
  const global6 = (netns: TestNetns) =>
    netns.ip('-6', 'addr').flatMap((link) => (link['addr_info'] as Record<string, unknown>[]).filter(({ scope }) => scope === 'global'));
  const addLink = (ifname: string) => web.ip('link', 'add', ifname, 'up', 'type', 'bridge');
  const addAddress = (address: AddressSpec) => addressExecutors({ namespaces })['address.add']({ kind: 'address.add', address }, signal);
  const deleteAddress = (address: AddressSpec) =>
    addressExecutors({ namespaces })['address.delete']({ kind: 'address.delete', address }, signal);
  const addRoute = (route: RouteSpec) => routeExecutors({ namespaces })['route.add']({ kind: 'route.add', route }, signal);
  const deleteRoute = (route: RouteSpec) => routeExecutors({ namespaces })['route.delete']({ kind: 'route.delete', route }, signal);

  test('an address lands in the container and nowhere else', async () => {
    await addAddress(ADDRESS);
    expect(web.ip('-4', 'addr', 'show', 'eth0')).toMatchObject([
      { addr_info: [{ local: '10.128.3.2', prefixlen: 24, broadcast: '10.128.3.255', scope: 'global' }] },
    ]);
    expect(host.ip('-4', 'addr').flatMap((link) => link.addr_info)).toMatchObject([{ local: '127.0.0.1' }]);
  });

  test('an IPv6 address works at once, lands in the container, and is observed there, without what each link has by itself', async () => {
    await addAddress(ADDRESS6);
    expect(global6(web)).toMatchObject([{ local: 'fd00:74:73:1::a', prefixlen: 64, nodad: true }]);
    expect(global6(web)[0]).not.toHaveProperty('tentative');
    expect(global6(host)).toEqual([]);
    expect(observeAddresses(namespaces.container('web-1'), WEB)).toEqual([
      { netns: WEB, ifname: 'lo', cidr: '127.0.0.1/8' },
      { netns: WEB, ifname: 'eth0', cidr: 'fd00:74:73:1::a/64' },
    ]);
    await deleteAddress(ADDRESS6);
    expect(global6(web)).toEqual([]);
  });

  test('an IPv6 address whose route was flushed gets it back, as the kernel had made it', async () => {
    await addAddress(ADDRESS6);
    const network = () => web.ip('-6', 'route', 'show', 'fd00:74:73:1::/64');
    const before = network();
    expect(before).toMatchObject([{ dst: 'fd00:74:73:1::/64', dev: 'eth0', protocol: 'kernel', metric: 256 }]);
    web.ip('-6', 'route', 'flush', 'dev', 'eth0');
    expect(network()).toEqual([]);
    await addAddress(ADDRESS6);
    expect(network()).toEqual(before);
  });

  test('where IPv6 is off for new links, it is turned on for one that gets an address of it', async () => {
    const of = (ifname: string) => execFileSync('nsenter', [`--net=${web.path}`, 'cat', `/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`]);
    execFileSync('nsenter', [`--net=${web.path}`, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    await addAddress(ADDRESS6);
    expect([String(of('eth0')).trim(), String(of('eth1')).trim()]).toEqual(['0', '1']);
    expect(global6(web)).toMatchObject([{ local: 'fd00:74:73:1::a' }]);
  });

  test('the default routes of both families stand beside each other, and each goes alone', async () => {
    await addAddress(ADDRESS);
    await addAddress(ADDRESS6);
    await addRoute(DEFAULT);
    await addRoute(DEFAULT6);
    await addRoute(DEFAULT6);
    expect(web.ip('route', 'show', 'default')).toMatchObject([{ gateway: '10.128.3.1' }]);
    expect(web.ip('-6', 'route', 'show', 'default')).toMatchObject([{ gateway: 'fd00:74:73:1::1', dev: 'eth0' }]);
    expect(observeRoutes(namespaces.container('web-1'), WEB).filter(({ destination }) => destination === 'default')).toEqual([
      { netns: WEB, destination: 'default', gateway: '10.128.3.1', ifname: 'eth0' },
      { netns: WEB, destination: 'default', gateway: 'fd00:74:73:1::1', ifname: 'eth0' },
    ]);
    const { ipv4, ipv6 } = observeInside(web.pid, WEB);
    expect([ipv4.addresses, ipv6.addresses].map(([only]) => only?.cidr)).toEqual([ADDRESS.cidr, ADDRESS6.cidr]);
    expect([ipv4.routes, ipv6.routes].map(([only]) => only?.gateway)).toEqual([DEFAULT.gateway, DEFAULT6.gateway]);
    await deleteRoute(DEFAULT6);
    expect(web.ip('-6', 'route', 'show', 'default')).toEqual([]);
    expect(web.ip('route', 'show', 'default')).toMatchObject([{ gateway: '10.128.3.1' }]);
  });

  test('a default route of IPv6 that somebody made without a gateway is observed, and can be deleted', async () => {
    await addAddress(ADDRESS6);
    web.ip('-6', 'route', 'add', 'default', 'dev', 'eth0');
    const [found] = observeInside(web.pid, WEB).ipv6.routes;
    expect(found).toEqual({ netns: WEB, destination: '::/0', gateway: undefined, ifname: 'eth0' });
    await deleteRoute({ netns: WEB, destination: '::/0', gateway: '', ifname: 'eth0' });
    expect(web.ip('-6', 'route', 'show', 'default')).toEqual([]);
  });

  test('the same address again is no error, and is there once', async () => {
    await addAddress(ADDRESS);
    await addAddress(ADDRESS);
    expect(web.ip('-4', 'addr', 'show', 'eth0')).toMatchObject([{ addr_info: [{ local: '10.128.3.2' }] }]);
  });

  test('an address whose route was flushed gets it back, as the kernel had made it', async () => {
    await addAddress(ADDRESS);
    const before = web.ip('-4', 'route');
    expect(before).toMatchObject([{ dst: '10.128.3.0/24', dev: 'eth0', prefsrc: '10.128.3.2' }]);
    web.ip('route', 'flush', 'dev', 'eth0');
    await addAddress(ADDRESS);
    expect(web.ip('-4', 'route')).toEqual(before);
  });

  test('an address is deleted, and deleting it again is no error', async () => {
    await addAddress(ADDRESS);
    await deleteAddress(ADDRESS);
    await deleteAddress(ADDRESS);
    expect(web.ip('-4', 'addr', 'show', 'eth0')).toEqual([]);
    await deleteAddress({ ...ADDRESS, ifname: 'eth7' });
  });

  test('addresses are observed with the name of their link', async () => {
    web.ip('addr', 'add', '10.128.3.2/24', 'dev', 'eth0', 'label', 'eth0:x');
    web.ip('addr', 'add', '10.9.0.1', 'peer', '10.9.0.2/32', 'dev', 'eth1');
    expect(observeAddresses(namespaces.container('web-1'), WEB)).toEqual([
      { netns: WEB, ifname: 'lo', cidr: '127.0.0.1/8' },
      { netns: WEB, ifname: 'eth0', cidr: '10.128.3.2/24' },
      { netns: WEB, ifname: 'eth1', cidr: '10.9.0.1/32' },
    ]);
  });

  test('an address for a link that is not there says so', async () => {
    await expect(addAddress({ ...ADDRESS, ifname: 'eth7' })).rejects.toThrow(
      'cannot add address `10.128.3.2/24` to link `eth7` of container `web-1`: RTM_GETLINK failed with ENODEV (eth7)',
    );
  });

  test('an address follows a link that was made anew under its name', async () => {
    await addAddress(ADDRESS);
    web.ip('link', 'delete', 'eth0');
    addLink('eth0');
    await addAddress(ADDRESS);
    expect(web.ip('-4', 'addr', 'show', 'eth0')).toMatchObject([{ addr_info: [{ local: '10.128.3.2' }] }]);
  });

  test('what was in a container that is gone needs no deleting', async () => {
    const gone = await newNetns();
    await gone[Symbol.asyncDispose]();
    const nobody = openNetworkNamespaces(() => gone.pid, host.path);
    await addressExecutors({ namespaces: nobody })['address.delete']({ kind: 'address.delete', address: ADDRESS }, signal);
    await routeExecutors({ namespaces: nobody })['route.delete']({ kind: 'route.delete', route: DEFAULT }, signal);
    await expect(
      addressExecutors({ namespaces: nobody })['address.add']({ kind: 'address.add', address: ADDRESS }, signal),
    ).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining(`process ${gone.pid} is gone`) });
    nobody[Symbol.dispose]();
  });

  test('a default route and one to a subnet are added, and again without error', async () => {
    await addAddress(ADDRESS);
    const subnet = { ...DEFAULT, destination: '10.9.0.0/16', gateway: '10.128.3.9' };
    for (const route of [DEFAULT, subnet, DEFAULT, subnet]) await addRoute(route);
    expect(web.ip('route')).toMatchObject([
      { dst: 'default', gateway: '10.128.3.1', dev: 'eth0', protocol: 'static' },
      { dst: '10.9.0.0/16', gateway: '10.128.3.9', dev: 'eth0' },
      { dst: '10.128.3.0/24', dev: 'eth0', protocol: 'kernel' },
    ]);
  });

  test('another route to the same destination is reported and left', async () => {
    await addAddress(ADDRESS);
    web.ip('route', 'add', 'default', 'via', '10.128.3.9');
    await expect(addRoute(DEFAULT)).rejects.toMatchObject({
      message:
        'cannot add route `default` via `10.128.3.1` on link `eth0` of container `web-1`: another one is there, via `10.128.3.9` on link `eth0`',
      code: 'obstacle',
    });
    expect(web.ip('route', 'show', 'default')).toMatchObject([{ gateway: '10.128.3.9' }]);
  });

  test('a gateway that no address leads to gets a hint', async () => {
    await expect(addRoute(DEFAULT)).rejects.toMatchObject({
      message: expect.stringContaining('RTM_NEWROUTE failed with ENETUNREACH'),
      hint: 'the gateway must be in a subnet of an address that the link has already',
    });
  });

  test('a route is deleted whoever made it, and deleting it again is no error', async () => {
    await addAddress(ADDRESS);
    web.ip('route', 'add', 'default', 'via', '10.128.3.1', 'proto', 'dhcp');
    await deleteRoute(DEFAULT);
    await deleteRoute(DEFAULT);
    expect(web.ip('route', 'show', 'default')).toEqual([]);
    await deleteRoute({ ...DEFAULT, ifname: 'eth7' });
  });

  test('routes of the main table are observed: no others, no blackholes, each nexthop', async () => {
    web.ip('addr', 'add', '10.128.3.2/24', 'dev', 'eth0');
    web.ip('addr', 'add', '10.128.4.2/24', 'dev', 'eth1');
    web.ip('route', 'add', 'default', 'nexthop', 'via', '10.128.3.1', 'nexthop', 'via', '10.128.4.1');
    web.ip('route', 'add', 'blackhole', '10.0.0.0/8');
    web.ip('route', 'add', '10.77.0.0/16', 'via', '10.128.3.1', 'table', '1000');
    expect(observeRoutes(namespaces.container('web-1'), WEB)).toEqual([
      { netns: WEB, destination: 'default', gateway: '10.128.3.1', ifname: 'eth0' },
      { netns: WEB, destination: 'default', gateway: '10.128.4.1', ifname: 'eth1' },
      { netns: WEB, destination: '10.128.3.0/24', gateway: undefined, ifname: 'eth0' },
      { netns: WEB, destination: '10.128.4.0/24', gateway: undefined, ifname: 'eth1' },
    ]);
    expect(observeRoutes(namespaces.host, HOST)).toEqual([]);
  });

  // /proc/sys/net is that of the thread's network namespace; neither reading nor writing leaves the turn.
  test('a sysctl is written and observed, one the kernel has not is left out', async () => {
    const witness = (netns: TestNetns) =>
      execFileSync('nsenter', [`--net=${netns.path}`, 'cat', '/proc/sys/net/ipv4/ip_forward'], { encoding: 'utf8' });
    const before = witness(web);
    const sysctl = { path: 'net/ipv4/ip_forward', value: before === '0\n' ? '1' : '0' };
    const [written] = withNetns(web.path, () => [sysctlExecutors()['sysctl.write']({ kind: 'sysctl.write', sysctl }, signal)]);
    await written;
    expect([witness(web), witness(host)]).toEqual([`${sysctl.value}\n`, before]);
    expect(withNetns(web.path, () => observeSysctls(['net/ipv4/ip_forward', 'net/nothing/at_all']))).toEqual([sysctl]);
  });

  test('a sysctl that is not there is named, with what may be missing', async () => {
    const sysctl = { path: 'net/bridge/no-such-setting', value: '1' };
    await expect(sysctlExecutors()['sysctl.write']({ kind: 'sysctl.write', sysctl }, signal)).rejects.toMatchObject({
      message: 'cannot write sysctl `net.bridge.no-such-setting`: ENOENT',
      hint: expect.stringContaining('module'),
    });
  });
});
