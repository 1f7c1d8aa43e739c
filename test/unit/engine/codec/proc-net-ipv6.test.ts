import { expect, test } from 'vitest';
import { formatNetwork } from '../../../../engine/codec/ip.ts';
import { connectedAddresses6, parseAddresses6, parseRoutes6, routedNetworks6 } from '../../../../engine/codec/proc-net-ipv6.ts';

const IF_INET6 = `00000000000000000000000000000001 01 80 10 80       lo
fd0000000000000100000000000000aa 02 40 00 82     eth0
fe8000000000000000740afffe800301 02 40 20 80     eth0
fd0000000000000200000000000000aa 03 7e 00 82     eth1
`;

const none = '00000000000000000000000000000000';
const line = (destination: string, prefix: string, gateway: string, flags: string, ifname: string) =>
  `${destination} ${prefix} ${none} 00 ${gateway} 00000400 00000001 00000000 ${flags} ${ifname.padStart(8)}`;
const IPV6_ROUTE = [
  line('fd000000000000010000000000000000', '40', none, '00000001', 'eth0'),
  line('fe800000000000000000000000000000', '40', none, '00000001', 'eth0'),
  line('20010db8000000000000000000000000', '20', none, '00040001', 'eth0'),
  line(none, '00', 'fe800000000000000000000000000001', '00450003', 'eth0'),
  line('20000000000000000000000000000000', '03', 'fd000000000000010000000000000001', '00000003', 'eth0'),
  line('fc000000000000000000000000000000', '07', 'fd000000000000010000000000000001', '00000003', 'wg0'),
  line('fd0000000000000100000000000000aa', '80', none, '80200001', 'eth0'),
  line('fd000000000000010000000000000000', '80', none, '80100001', 'eth0'),
  line('ff000000000000000000000000000000', '08', none, '00000001', 'eth0'),
  line(none, '00', none, '00200200', 'lo'),
  '',
].join('\n');

test('addresses are those that were given out: neither loopback nor link-local ones', () => {
  expect(parseAddresses6(IF_INET6)).toEqual([
    { ifname: 'eth0', cidr: 'fd00:0:0:1::aa/64' },
    { ifname: 'eth1', cidr: 'fd00:0:0:2::aa/126' },
  ]);
});

test('an address whose network is not reached by its link is not connected', () => {
  expect(connectedAddresses6(parseAddresses6(IF_INET6), parseRoutes6(IPV6_ROUTE))).toEqual([{ ifname: 'eth0', cidr: 'fd00:0:0:1::aa/64' }]);
});

test('routes are those to other hosts, and it is told which ones routers advertise', () => {
  const routes = parseRoutes6(IPV6_ROUTE).map(({ network, ...rest }) => ({ network: formatNetwork(network), ...rest }));
  expect(routes).toEqual([
    { network: 'fd00:0:0:1::/64', ifname: 'eth0', gateway: undefined, advertised: false },
    { network: 'fe80::/64', ifname: 'eth0', gateway: undefined, advertised: false },
    { network: '2001:db8::/32', ifname: 'eth0', gateway: undefined, advertised: true },
    { network: '::/0', ifname: 'eth0', gateway: 'fe80::1', advertised: true },
    { network: '2000::/3', ifname: 'eth0', gateway: 'fd00:0:0:1::1', advertised: false },
    { network: 'fc00::/7', ifname: 'wg0', gateway: 'fd00:0:0:1::1', advertised: false },
  ]);
});

test('networks that are taken are neither default routes, in parts or whole, nor what every link has', () => {
  expect(routedNetworks6(parseRoutes6(IPV6_ROUTE))).toEqual([
    { ifname: 'eth0', cidr: 'fd00:0:0:1::/64' },
    { ifname: 'eth0', cidr: '2001:db8::/32' },
  ]);
});
