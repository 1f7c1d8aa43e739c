/** What the rules of both drivers do to packets: a container on an open network, one on an internal network, and a machine outside. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firewallExecutors } from '../../engine/kernel/firewall.ts';
import { nftablesExecutors } from '../../engine/kernel/nftables.ts';
import type { FirewallPolicy } from '../../engine/model/firewall-policy.ts';
import { iptablesRules } from '../../engine/plan/iptables-rules.ts';
import { nftablesRules } from '../../engine/plan/nftables-rules.ts';
import { STACK } from '../support/plan-world.ts';
import { PrivateNetns } from './private-netns.ts';

const signal = new AbortController().signal;

const POLICY: FirewallPolicy = {
  networks: [
    {
      bridge: 'ts-open',
      owned: true,
      internal: false,
      hostAccess: true,
      ipv4: { subnet: '10.77.1.0/24', gateway: '10.77.1.1', masquerade: true },
      ipv6: { subnet: 'fd77:1::/64', gateway: 'fd77:1::1', masquerade: true },
      loopbackPublished: true,
    },
    {
      bridge: 'ts-inner',
      owned: true,
      internal: true,
      hostAccess: false,
      ipv4: { subnet: '10.77.2.0/24', gateway: '10.77.2.1', masquerade: false },
      ipv6: { subnet: 'fd77:2::/64', gateway: 'fd77:2::1', masquerade: false },
      loopbackPublished: false,
    },
  ],
  ports: [
    { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, targets: [{ address: '10.77.1.2', port: 80, bridge: 'ts-open' }] },
    { protocol: 'tcp', hostAddress: '::', hostPort: 8080, targets: [{ address: 'fd77:1::2', port: 80, bridge: 'ts-open' }] },
    { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 8081, targets: [{ address: '10.77.1.2', port: 80, bridge: 'ts-open' }] },
    {
      protocol: 'tcp',
      hostAddress: '192.0.2.1',
      hostPort: 8082,
      targets: [80, 81].map((port) => ({ address: '10.77.1.2', port, bridge: 'ts-open' })),
    },
  ],
};

/** Answers on 53, 80 and 81 with the port and who asks. Says `ready`. */
const SERVER = `let n = 0; for (const port of [53, 80, 81])
  require('net').createServer((s) => s.on('error', () => {}).end(port + ' ' + s.remoteAddress.replace('::ffff:', ''))).listen(port, '::', () => ++n === 3 && console.log('ready'))`;
/** Asks all at once: what is answered within 700 ms, or `-`. */
const ASK = `Promise.all(process.argv.slice(1).map((one) => new Promise((resolve) => {
  const [, host, port] = /(.*) (\\d+)/.exec(one);
  const c = require('net').connect({ host, port }); let text = '';
  c.on('data', (d) => { text += d; }).on('close', () => resolve(text || '-')).on('error', () => resolve('-'));
  setTimeout(() => c.destroy(), 700);
}))).then((all) => console.log(JSON.stringify(all)))`;

describe.each(['iptables', 'nftables'] as const)('the rules of %s', (driver) => {
  let places: Record<'host' | 'lan' | 'open' | 'inner', PrivateNetns>;
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    const [host, lan, open, inner] = ['host', 'lan', 'open', 'inner'].map((name) => new PrivateNetns(`${driver}-${name}`));
    if (!host || !lan || !open || !inner) throw new Error('no namespaces');
    places = { host, lan, open, inner };
    connect(host, lan, {
      bridge: 'eth0',
      gateway: '192.0.2.1/24',
      address: '192.0.2.9/24',
      gateway6: '2001:db8::1/64',
      address6: '2001:db8::9/64',
    });
    connect(host, open, {
      bridge: 'ts-open',
      gateway: '10.77.1.1/24',
      address: '10.77.1.2/24',
      gateway6: 'fd77:1::1/64',
      address6: 'fd77:1::2/64',
    });
    connect(host, inner, {
      bridge: 'ts-inner',
      gateway: '10.77.2.1/24',
      address: '10.77.2.2/24',
      gateway6: 'fd77:2::1/64',
      address6: 'fd77:2::2/64',
    });
    for (const sysctl of ['ipv4.ip_forward', 'ipv6.conf.all.forwarding', 'ipv4.conf.ts-open.route_localnet'])
      host.run(`sysctl -q -w net.${sysctl}=1`);
    await apply(host, driver);
    for (const place of Object.values(places)) {
      const child = spawn('nsenter', [...place.enter.slice(1), process.execPath, '-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
      servers.push(child);
      await once(child.stdout as NodeJS.ReadableStream, 'data');
    }
  }, 60_000);
  afterAll(async () => {
    for (const server of servers) {
      server.kill('SIGKILL');
      await once(server, 'exit');
    }
    for (const place of Object.values(places)) place[Symbol.dispose]();
  });

  const ask = (from: keyof typeof places, attempts: Readonly<Record<string, string>>): void => {
    const { enter } = places[from];
    const { stdout } = spawnSync('nsenter', [...enter.slice(1), process.execPath, '-e', ASK, ...Object.keys(attempts)], {
      encoding: 'utf8',
    });
    const answers = JSON.parse(stdout) as string[];
    expect(Object.fromEntries(Object.keys(attempts).map((one, i) => [one, answers[i]]))).toEqual(attempts);
  };

  it('let a machine outside reach what is published to it, and nothing else', () => {
    places.lan.run('ip route add 127.0.0.0/8 via 192.0.2.1');
    places.lan.run('sysctl -q -w net.ipv4.conf.eth0.route_localnet=1');
    ask('lan', {
      '192.0.2.1 8080': '80 192.0.2.9',
      '2001:db8::1 8080': '80 2001:db8::9',
      '192.0.2.1 8081': '-',
      '10.77.1.2 80': '-',
      '10.77.2.2 80': '-',
      'fd77:1::2 80': '-',
      'fd77:2::2 80': '-',
    });
  });

  it('give each new connection to a published port the next replica', () => {
    ask('lan', { '192.0.2.1 8082': '80 192.0.2.9' });
    ask('lan', { '192.0.2.1 8082': '81 192.0.2.9' });
    ask('lan', { '192.0.2.1 8082': '80 192.0.2.9' });
  });

  it('let the host reach everything, ports on loopback by its gateway’s address', () => {
    ask('host', {
      '127.0.0.1 8081': '80 10.77.1.1',
      '192.0.2.1 8080': '80 192.0.2.1',
      '2001:db8::1 8080': '80 2001:db8::1',
      '10.77.1.2 80': '80 10.77.1.1',
      '10.77.2.2 80': '80 10.77.2.1',
    });
  });

  it('let an open network out with the host’s address, back in by what it publishes, and to no other network', () => {
    ask('open', {
      '192.0.2.9 80': '80 192.0.2.1',
      '2001:db8::9 80': '80 2001:db8::1',
      '192.0.2.1 8080': '80 10.77.1.1',
      '10.77.1.1 80': '80 10.77.1.2',
      '10.77.2.2 80': '-',
      'fd77:2::2 80': '-',
    });
  });

  it('let an internal network reach names at its gateway, and neither the host nor anybody outside', () => {
    ask('inner', {
      '10.77.2.1 53': '53 10.77.2.2',
      'fd77:2::1 53': '53 fd77:2::2',
      '10.77.2.1 80': '-',
      '192.0.2.1 80': '-',
      '192.0.2.9 80': '-',
      '10.77.1.2 80': '-',
      'fd77:1::2 80': '-',
      '2001:db8::9 80': '-',
    });
  });
});

interface Wire {
  readonly bridge: string;
  readonly gateway: string;
  readonly address: string;
  readonly gateway6: string;
  readonly address6: string;
}

function connect(host: PrivateNetns, other: PrivateNetns, { bridge, gateway, address, gateway6, address6 }: Wire): void {
  // Else addresses are of no use for their first second (RFC 4862, 5.4).
  for (const place of [host, other]) {
    for (const which of ['all', 'default']) place.run(`sysctl -q -w net.ipv6.conf.${which}.accept_dad=0`);
  }
  host.run(`ip link add ${bridge} type bridge`);
  host.run(`ip link add v-${bridge} type veth peer name eth0 netns ${other.name}`);
  host.run(`ip link set v-${bridge} master ${bridge} up`);
  host.run(`ip link set v-${bridge} type bridge_slave hairpin on`);
  host.run(`ip address add ${gateway} dev ${bridge}`);
  host.run(`ip address add ${gateway6} dev ${bridge}`);
  host.run(`ip link set ${bridge} up`);
  other.run(`ip address add ${address} dev eth0`);
  other.run(`ip address add ${address6} dev eth0`);
  other.run('ip link set eth0 up');
  other.run(`ip route add default via ${gateway.split('/')[0]}`);
  other.run(`ip -6 route add default via ${gateway6.split('/')[0]}`);
}

async function apply({ enter }: PrivateNetns, driver: 'iptables' | 'nftables'): Promise<void> {
  if (driver === 'nftables') {
    const table = nftablesRules(POLICY, STACK);
    await nftablesExecutors({ enter })['nftables.replace']({ kind: 'nftables.replace', table }, signal);
    return;
  }
  const run = firewallExecutors({ enter });
  const tables = iptablesRules(POLICY, STACK);
  await Promise.all(tables.map((table) => run['firewall.replace']({ kind: 'firewall.replace', table, observed: undefined }, signal)));
}
