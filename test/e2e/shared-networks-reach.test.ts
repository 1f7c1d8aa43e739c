/** Who reaches a container that is on another stack's network alone: from the host, from the LAN, by IPv6, by name. */
import { writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { withSecondStack } from '../support/second-stack.ts';
import { idle, only } from '../support/stack-file.ts';
import { withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const page6 = { command: ['sh', '-c', 'hostname > /www/index.html; exec httpd -f -p [::]:80 -h /www'] };
const tools = (fields: Record<string, unknown>) => ({
  directory: 'tools',
  name: 'tools',
  services: { guest: { ...page6, networks: ['theirs'], ...fields } },
  networks: { theirs: { external: 'shop/front' } },
});
const shop = (front: Record<string, unknown>) =>
  only({ services: { web: { ...page6, networks: ['front'] }, client: { ...idle, networks: ['front'] } }, networks: { front } });

const ask = (there: Outside, url: string) => there.run(['busybox', 'timeout', '2', 'busybox', 'wget', '-qO-', url]);

// What `up` switches on and `down` leaves on: with it each link's network gets a route for its anycast address (RFC 4291, 2.6.1).
beforeAll(() => writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1'));

test.each(['iptables', 'nftables'])(
  'with %s, ports published there are reached from the host, and from the LAN if they are open to it',
  async (firewall) => {
    const there = await outside();
    try {
      await withProject(shop({ shared: true, ipv6: true }), async (p) => {
        p.env['TSSTACK_FIREWALL'] = firewall;
        await p.ok(['up', '-d']);
        await withSecondStack(p, tools({ ports: ['18080:80', '*:18081:80'] }), async (second) => {
          await second.ok(['up', '-d']);
          for (const host of [
            '127.0.0.1:18080',
            '[::1]:18080',
            '127.0.0.1:18081',
            `${there.hostAddress}:18081`,
            `[${there.hostAddress6}]:18081`,
          ]) {
            expect((await until(`http://${host}/ answers`, () => http(`http://${host}/`))).body, host).toBe('guest-1\n');
          }
          for (const host of [`${there.hostAddress}:18081`, `[${there.hostAddress6}]:18081`]) {
            expect((await ask(there, `http://${host}/`)).stdout, host).toBe('guest-1\n');
          }
          expect((await ask(there, `http://${there.hostAddress}:18080/`)).code).not.toBe(0);
          // From its own network, by the host's address: the way back is by the host, too.
          const { stdout } = await p.ok(['exec', '-T', 'client', 'wget', '-qO-', `http://${there.hostAddress}:18081/`]);
          expect(stdout).toBe('guest-1\n');
        });
      });
    } finally {
      await there.close();
    }
  },
);

test('by IPv6 they reach one another, by addresses and by names of both kinds, as long as both are up', async () => {
  await withProject(shop({ shared: true, ipv6: true }), async (p) => {
    await p.ok(['up', '-d']);
    await withSecondStack(p, tools({}), async (second) => {
      await second.ok(['up', '-d']);
      const { addresses, addresses6 } = await p.container('web-1');
      const seen = JSON.parse((await second.ok(['ps', '--all', '--json'])).stdout) as { addresses6: Record<string, string> }[];
      const guest6 = seen[0]?.addresses6['theirs'] ?? '';
      const web6 = addresses6?.['front'] ?? '';
      expect(guest6.replace(/[^:]*$/, '')).toBe(web6.replace(/[^:]*$/, ''));
      const fromGuest = (...argv: string[]) => second.ok(['exec', '-T', 'guest', ...argv]);
      const fromClient = (...argv: string[]) => p.ok(['exec', '-T', 'client', ...argv]);
      await until('web answers', () => fromGuest('wget', '-qO-', `http://[${web6}]/`), { holds: ({ stdout }) => stdout === 'web-1\n' });
      await until('guest answers', () => fromClient('wget', '-qO-', `http://[${guest6}]/`), {
        holds: ({ stdout }) => stdout === 'guest-1\n',
      });
      expect((await fromGuest('nslookup', '-type=a', 'web')).stdout).toContain(`Address: ${addresses['front']}\n`);
      expect((await fromGuest('nslookup', '-type=aaaa', 'web')).stdout).toContain(`Address: ${web6}\n`);
      expect((await fromClient('nslookup', '-type=aaaa', 'guest')).stdout).toContain(`Address: ${guest6}\n`);

      await second.ok(['stop', '--timeout', '0']);
      const gone = () => p.tsstack(['exec', '-T', 'client', 'nslookup', '-type=aaaa', 'guest']);
      await until('its name is gone with it', gone, { holds: ({ stdout }) => stdout.includes('NXDOMAIN') });
    });
  });
});
