/** Who reaches a port that is published on one address of the host. With both drivers. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { type Attempt, answering, bothProtocols, gatewayOf, probe } from '../support/reachability.ts';
import { stackFile } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const PUBLISHED = { tcp: 18080, udp: 18053 };
const OTHER_PUBLISHED = { tcp: 18081, udp: 18054 };
/** A second address of this host (RFC 5737). */
const SECOND = '192.0.2.1';

let there: Outside;
beforeAll(async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  there = await outside();
  execFileSync('ip', ['address', 'add', `${SECOND}/32`, 'dev', 'lo']);
  there.route(`${SECOND}/32`);
});
afterAll(() => there.close());

const each = (attempts: readonly Attempt[], answer: string | null) => attempts.map(() => answer);

describe.each(['iptables', 'nftables'])('with %s', (driver) => {
  const env = { TSSTACK_FIREWALL: driver };

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
