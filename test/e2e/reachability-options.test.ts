/** Who reaches whom where a network or a port says something special. Each with both drivers. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { type Attempt, answering, answeringOn, bothProtocols, gatewayOf, probe } from '../support/reachability.ts';
import { idleHost, only, stackFile } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const SERVER = { tcp: 80, udp: 53 };
/** Of the host's own server: on 53 there are the stack's. */
const HOST = { tcp: 18090, udp: 18090 };
const PUBLISHED = { tcp: 18080, udp: 18053 };
const OTHER_PUBLISHED = { tcp: 18081, udp: 18054 };
/** A second address of this host (RFC 5737). */
const SECOND = '192.0.2.1';

const NETWORK_OF: Readonly<Record<string, string>> = { open: 'front', back: 'back', shut: 'shut' };

let there: Outside;
beforeAll(async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  there = await outside();
  execFileSync('ip', ['address', 'add', `${SECOND}/32`, 'dev', 'lo']);
  there.route(`${SECOND}/32`);
  there.start(answering.command);
});
afterAll(() => there.close());

const each = (attempts: readonly Attempt[], answer: string | null) => attempts.map(() => answer);

describe.each(['iptables', 'nftables'])('with %s', (driver) => {
  const env = { TSSTACK_FIREWALL: driver };

  test('a routed network: what is published on all addresses is open on containers, nothing else is, and they go out as themselves', async () => {
    const stack = only({
      services: {
        open: { ...answering, networks: ['front'], ports: ['[::]:18080:80', '*:18053:53/udp'] },
        one: { ...answering, networks: ['front'], ports: [`[${there.hostAddress6}]:18081:80`, `[${there.hostAddress6}]:18054:53/udp`] },
        plain: { ...answering, networks: ['front'] },
      },
      networks: { front: { ipv6: { subnet: '2001:db8:77::/64', nat: false } } },
    });
    there.route('2001:db8:77::/64');
    await withProject(
      stack,
      async (p) => {
        await p.ok(['up', '-d']);
        const listings = await p.ps();
        const addressOf = (name: string) => listings.find((listing) => listing.name === name)?.addresses6?.['front'] ?? '';
        const [open, one, plain] = [addressOf('open-1'), addressOf('one-1'), addressOf('plain-1')];
        const expected = [
          { attempts: bothProtocols(there.hostAddress6, PUBLISHED), answer: `open-1 ${there.address6}` },
          { attempts: bothProtocols(open, SERVER), answer: `open-1 ${there.address6}` },
          { attempts: bothProtocols(open, PUBLISHED), answer: null },
          { attempts: bothProtocols(there.hostAddress6, OTHER_PUBLISHED), answer: `one-1 ${there.address6}` },
          { attempts: bothProtocols(one, SERVER), answer: null },
          { attempts: bothProtocols(plain, SERVER), answer: null },
        ];
        const answers = expected.flatMap(({ attempts, answer }) => each(attempts, answer));
        const asked = () =>
          probe(
            p,
            there,
            expected.flatMap(({ attempts }) => attempts),
          );
        await until('they answer', asked, { holds: (all) => answers.every((answer, i) => answer === null || all[i] !== null) });
        expect(await asked()).toEqual(answers);

        const askers = (await probe(p, { service: 'plain' }, bothProtocols(there.address6, SERVER))).map((answer) => answer?.split(' ')[1]);
        expect(askers).toEqual([plain, plain]);
      },
      { env },
    );
  });

  test('from an internal network the host is reached by its gateway if it says hostAccess, else not even there, and nothing more is', async () => {
    const stack = only({
      services: {
        open: { ...answering, networks: ['front'], ports: ['*:18080:80', '*:18053:53/udp'] },
        back: { ...idleHost, networks: ['back'] },
        shut: { ...idleHost, networks: ['shut'] },
      },
      networks: { front: { ipv6: true }, back: { internal: true, hostAccess: true, ipv6: true }, shut: { internal: true, ipv6: true } },
    });
    await withProject(
      stack,
      async (p) => {
        await p.ok(['up', '-d']);
        const listings = await p.ps();
        const addressesOf = (service: string) => {
          const found = listings.find(({ name }) => name === `${service}-1`);
          return [found?.addresses[NETWORK_OF[service] ?? ''] ?? '', found?.addresses6?.[NETWORK_OF[service] ?? ''] ?? ''];
        };
        const host = [there.hostAddress, there.hostAddress6];
        const reachedBy = async (service: string) => {
          const gateways = addressesOf(service).map(gatewayOf);
          const tried = [
            ...gateways.flatMap((to) => bothProtocols(to, HOST)),
            ...[...gateways, ...host].flatMap((to) => bothProtocols(to, PUBLISHED)),
            ...[...host, ...addressesOf('open').map(gatewayOf)].flatMap((to) => bothProtocols(to, HOST)),
            ...[there.address, there.address6, ...addressesOf('open')].flatMap((to) => bothProtocols(to, SERVER)),
          ];
          return (await probe(p, { service }, tried)).flatMap((answer, i) => (answer === null ? [] : [tried[i]]));
        };
        await withServer(HOST, async () => {
          const ready = [...host.flatMap((to) => bothProtocols(to, HOST)), ...host.flatMap((to) => bothProtocols(to, PUBLISHED))];
          await until('the host and its ports answer', async () => (await probe(p, 'host', ready)).every((answer) => answer !== null));
          expect(await reachedBy('back')).toEqual(addressesOf('back').flatMap((address) => bothProtocols(gatewayOf(address), HOST)));
          expect(await reachedBy('shut')).toEqual([]);
        });
      },
      { env },
    );
  });

  test('a port on one address of the host is reached by that one alone, and two stacks share a number on two addresses', async () => {
    const publishing = (name: string, address: string) =>
      stackFile({
        name,
        services: { [name]: { ...answering, ports: [`${address}:18080:80`, `${address}:18053:53/udp`] } },
        networks: { default: { ipv6: true } },
      });
    const files = {
      'stack.config.ts': publishing('shop', SECOND),
      'other/stack.config.ts': publishing('other', there.hostAddress),
      'third/stack.config.ts': stackFile({
        name: 'third',
        services: { third: { ...answering, ports: [`${SECOND}:18081:80`, `${SECOND}:18054:53/udp`] } },
      }),
    };
    await withProject(
      files,
      async (p) => {
        const others = ['other', 'third'].map((name) => ['-C', `${p.directory}/${name}`]);
        await p.ok(['up', '-d']);
        try {
          for (const other of others) await p.ok(['up', '-d', ...other]);
          const gateway = gatewayOf((await p.container('shop-1')).addresses['default'] ?? '');
          const expected = [
            { attempts: bothProtocols(SECOND, PUBLISHED), by: 'shop-1' },
            { attempts: bothProtocols(there.hostAddress, PUBLISHED), by: 'other-1' },
            { attempts: bothProtocols(SECOND, OTHER_PUBLISHED), by: 'third-1' },
            { attempts: bothProtocols(there.hostAddress, OTHER_PUBLISHED), by: null },
            { attempts: bothProtocols(gateway, PUBLISHED), by: null },
            { attempts: bothProtocols('127.0.0.1', PUBLISHED), by: null },
          ];
          const attempts = expected.flatMap((one) => one.attempts);
          const names = expected.flatMap((one) => each(one.attempts, one.by));
          const asked = async (asker: Parameters<typeof probe>[1]) =>
            (await probe(p, asker, attempts)).map((answer) => answer?.split(' ')[0] ?? null);
          await until('all answer', async () => (await asked('host')).filter(Boolean).length === names.filter(Boolean).length);
          expect(await asked('host'), 'the host').toEqual(names);
          expect(await asked({ service: 'shop' }), 'a container').toEqual(names);
          expect(await asked({ service: 'third', directory: 'third' }), 'a container of another stack').toEqual(names);
          // 127.0.0.1 is its own there.
          expect((await asked(there)).slice(0, -2), 'another machine').toEqual(names.slice(0, -2));
        } finally {
          for (const other of others) await p.ok(['down', '--volumes', '--timeout', '1', ...other]);
        }
      },
      { env },
    );
  });
});

/** With a server of the host's own. */
async function withServer(ports: { readonly tcp: number; readonly udp: number }, body: () => Promise<void>): Promise<void> {
  const [node = '', ...argv] = answeringOn(ports);
  const server = spawn(node, argv, { stdio: 'ignore' });
  const ended = once(server, 'exit');
  try {
    await body();
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}
