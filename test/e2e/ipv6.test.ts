import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { NetworkListing } from '../../engine/model/network-listing.ts';
import { type Outside, outside } from '../support/fake-host.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const wget = (p: Project, from: string, url: string) => p.tsstack(['exec', '-T', from, 'timeout', '2', 'wget', '-qO-', url]);
const page6 = { command: ['sh', '-c', 'hostname > /www/index.html; exec httpd -f -p [::]:80 -h /www'] };

test('containers reach each other by IPv6, and the address of a bridge that was taken away comes back', async () => {
  const stack = only({
    services: { web: { ...page6, networks: ['front'] }, client: { ...idle, networks: ['front'] } },
    networks: { front: { ipv6: true } },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const { addresses, addresses6 } = await p.container('web-1');
    const [address, address6] = [addresses['front'], addresses6?.['front']];
    expect(address6).toMatch(/^fd[0-9a-f]{2}:/);
    const answers = () => wget(p, 'client', `http://[${address6}]/`);
    await until('it answers by IPv6', answers, { holds: ({ stdout }) => stdout === 'web-1\n' });
    expect((await wget(p, 'client', `http://${address}/`)).stdout).toBe('web-1\n');
    const inside = async (...argv: string[]) => (await p.ok(['exec', '-T', 'web', 'ip', ...argv])).stdout;
    expect(await inside('-6', 'route', 'show', 'default')).toMatch(/^default via fd\S+::1 dev eth0/);
    expect((await p.tsstack(['plan'])).stdout).not.toMatch(/#1 /);

    const bridge = String(execFileSync('ip', ['-o', '-6', 'addr', 'show', 'scope', 'global']))
      .split('\n')
      .map((line) => /^\d+: (ts-front\S+) +inet6 (fd\S+)/.exec(line))
      .find((match) => match !== null);
    if (!bridge?.[1] || !bridge[2]) throw new Error('the bridge has no IPv6 address');
    execFileSync('ip', ['-6', 'addr', 'del', bridge[2], 'dev', bridge[1]]);
    await until('the address of the bridge is back', () => `${execFileSync('ip', ['-6', 'addr', 'show', 'dev', bridge[1] ?? ''])}`, {
      holds: (text) => text.includes(bridge[2] ?? '-'),
    });
  });
});

test('a machine outside is reached by IPv6 with the address of the host, and does not reach containers by theirs', async () => {
  await withOutside(async (there) => {
    there.start(['busybox', 'httpd', '-f', '-p', '[::]:80', '-h', '/etc']);
    const stack = only({ services: { web: { ...page6, networks: ['front'] } }, networks: { front: { ipv6: true } } });
    await withProject(stack, async (p) => {
      await p.ok(['up', '-d']);
      await until('the machine outside answers', () => wget(p, 'web', `http://[${there.address6}]/hostname`), {
        holds: ({ code }) => code === 0,
      });
      const address6 = (await p.container('web-1')).addresses6?.['front'] ?? '';
      there.route(`${address6}/128`);
      expect((await there.run(['busybox', 'timeout', '2', 'busybox', 'wget', '-qO-', `http://[${address6}]/`])).code).not.toBe(0);
    });
  });
});

test('a stack keeps its IPv6 addresses when it is brought up again, and gives them back when it goes', async () => {
  const stack = only({ services: { web: { ...page, networks: ['front'] } }, networks: { front: { ipv6: true } } });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const before = (await p.container('web-1')).addresses6;
    await p.ok(['up', '-d', '--force-recreate']);
    expect((await p.container('web-1')).addresses6).toEqual(before);
    await p.ok(['down']);
    expect(String(execFileSync('ip', ['-6', 'addr', 'show', 'scope', 'global']))).not.toContain('fd');
  });
});

test('a container on the LAN of a host link is reached from there by its own address', async () => {
  await withOutside(async (there) => {
    const parent = /dev (\S+)/.exec(String(execFileSync('ip', ['route', 'get', there.address])))?.[1] ?? '';
    await there.run(['ip', 'address', 'add', '192.0.2.1/24', 'dev', 'eth0']);
    const stack = only({
      services: { web: { ...page, networks: ['lan'] }, client: { ...idle, networks: ['lan'] } },
      networks: { lan: { driver: 'macvlan', parent, subnet: '192.0.2.0/24', gateway: '192.0.2.1', ipRange: '192.0.2.64/26' } },
    });
    await withProject(stack, async (p) => {
      await p.ok(['up', '-d']);
      const { addresses } = await p.container('web-1');
      expect(addresses['lan']).toMatch(/^192\.0\.2\.6[45]$/);
      const ask = () => there.run(['busybox', 'timeout', '2', 'busybox', 'wget', '-qO-', `http://${addresses['lan']}/`]);
      expect((await until('it answers on the LAN', ask, { holds: ({ code }) => code === 0 })).stdout).toBe('web-1\n');
      // Nobody answers for names there, so that they are in its hosts file.
      expect((await wget(p, 'client', 'http://web/')).stdout).toBe('web-1\n');
      const mac = (await p.ok(['exec', '-T', 'web', 'cat', '/sys/class/net/eth0/address'])).stdout.trim();
      const [lan] = JSON.parse((await p.ok(['network', 'inspect', 'lan', '--json'])).stdout) as NetworkListing[];
      expect(lan?.members.find(({ service }) => service === 'web')?.macAddress).toBe(mac);
      expect((await p.tsstack(['plan'])).stdout).not.toMatch(/#1 /);
    });
  });
});

async function withOutside(body: (there: Outside) => Promise<void>): Promise<void> {
  const there = await outside();
  try {
    await body(there);
  } finally {
    await there.close();
  }
}
