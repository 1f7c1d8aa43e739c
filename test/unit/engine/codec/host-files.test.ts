import { describe, expect, it } from 'vitest';
import { renderHosts } from '../../../../engine/codec/hosts.ts';
import { parseAddresses, parseDefaultRoutes, parseListening, parseRoutes } from '../../../../engine/codec/proc-net.ts';
import { containerResolvConf } from '../../../../engine/codec/resolv-conf.ts';

describe('parseListening', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const line = (local: string, state: string): string =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 4711 1\n`;

  it.each([
    ['0100007F:1F90', '127.0.0.1', 8080],
    ['00000000:0050', '0.0.0.0', 80],
    ['00000000000000000000000000000000:0016', '::', 22],
    ['00000000000000000000000001000000:0016', '::1', 22],
    ['0000000000000000FFFF00000100007F:0016', '127.0.0.1', 22],
    ['B80D0120000000000000000001000000:01BB', '2001:db8::1', 443],
  ])('reads %s', (local, address, port) => {
    expect(parseListening(head + line(local, '0A'), 'tcp')).toEqual([{ protocol: 'tcp', address, port, inode: 4711 }]);
  });

  it('leaves out connections, and knows the state of bound UDP sockets', () => {
    expect(parseListening(head + line('0100007F:0050', '01') + line('0100007F:0050', '06'), 'tcp')).toEqual([]);
    expect(parseListening(head + line('0100007F:0035', '07') + line('0100007F:0036', '01'), 'udp')).toEqual([
      { protocol: 'udp', address: '127.0.0.1', port: 53, inode: 4711 },
    ]);
  });
});

describe('parseRoutes', () => {
  it('gives every destination but the default one', () => {
    const text = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth0	8001A8C0	00000000	0001	0	0	0	80FFFFFF	0	0	0
`;
    expect(parseRoutes(text)).toEqual([
      { ifname: 'docker0', cidr: '172.17.0.0/16' },
      { ifname: 'eth0', cidr: '192.168.1.128/25' },
    ]);
  });
});

describe('containerResolvConf', () => {
  it('keeps what a container can reach, and the options', () => {
    const host = '# by hand\nnameserver 127.0.0.1\nnameserver 192.168.1.1\nnameserver fe80::1%eth0\nsearch a.example\noptions ndots:2\n';
    expect(containerResolvConf(host, undefined)).toBe('nameserver 192.168.1.1\nsearch a.example\noptions ndots:2\n');
  });

  it('asks behind a local stub, and falls back to public resolvers', () => {
    const stub = 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n';
    expect(containerResolvConf(stub, 'nameserver 10.0.0.53\n')).toBe('nameserver 10.0.0.53\noptions edns0 trust-ad\n');
    expect(containerResolvConf(stub, undefined)).toBe('nameserver 8.8.8.8\nnameserver 8.8.4.4\noptions edns0 trust-ad\n');
    expect(containerResolvConf('', undefined)).toBe('nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
  });
});

describe('renderHosts', () => {
  it('puts localhost first and gives each address its line', () => {
    const lines = renderHosts([
      { address: '10.1.0.2', names: ['web-1', 'web', 'web'] },
      { address: '10.1.0.3', names: ['web-2', 'web'] },
      { address: '10.1.0.4', names: [] },
    ]).split('\n');
    expect(lines[0]).toBe('127.0.0.1\tlocalhost');
    expect(lines.slice(-3)).toEqual(['10.1.0.2\tweb-1 web', '10.1.0.3\tweb-2 web', '']);
  });
});

describe('addresses and default routes of another network namespace', () => {
  const route = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0148970A	0003	0	0	0	00000000	0	0	0
eth0	0048970A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	00000A0A	00000000	0001	0	0	0	0000FFFF	0	0	0
`;
  const fibTrie = `Main:
  +-- 0.0.0.0/0 3 0 5
        +-- 10.151.72.0/24 2 0 2
              |-- 10.151.72.0
                 /24 link UNICAST
              |-- 10.151.72.7
                 /32 host LOCAL
           |-- 10.151.72.255
              /32 link BROADCAST
        |-- 10.10.3.4
           /32 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
`;

  it('are put to the interface whose network they are in, each once', () => {
    expect(parseAddresses(fibTrie + fibTrie.replace('Main', 'Local'), route)).toEqual([
      { ifname: 'eth0', cidr: '10.151.72.7/24' },
      { ifname: 'eth1', cidr: '10.10.3.4/16' },
    ]);
  });

  it('have the gateway of the line that leads everywhere', () => {
    expect(parseDefaultRoutes(route)).toEqual([{ ifname: 'eth0', gateway: '10.151.72.1' }]);
    expect(parseDefaultRoutes('Iface\n')).toEqual([]);
    expect(parseAddresses('', '')).toEqual([]);
  });
});
