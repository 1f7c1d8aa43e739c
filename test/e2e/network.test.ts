import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { type Outside, outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { idle, only, page, udpEcho } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

// busybox's own `wget -T` crashes when it is linked statically.
const wget = (p: Project, from: string, url: string) => p.tsstack(['exec', '-T', from, 'timeout', '2', 'wget', '-qO-', url]);

test('services find each other by service name, container name and alias, and only on a network they share', async () => {
  const stack = only({
    services: {
      web: { ...idle, networks: ['front'] },
      api: { ...page, networks: { front: { aliases: ['backend'] }, back: {} } },
      db: { ...page, networks: ['back'] },
    },
    networks: { front: {}, back: { internal: true } },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    await until('api answers', () => p.ok(['exec', '-T', 'web', 'wget', '-qO-', 'http://api/']));
    for (const name of ['api', 'api-1', 'shop-api-1', 'backend']) {
      expect(await wget(p, 'web', `http://${name}/`), name).toMatchObject({ code: 0, stdout: 'api-1\n' });
    }
    expect(await wget(p, 'api', 'http://db/')).toMatchObject({ code: 0, stdout: 'db-1\n' });
    expect((await wget(p, 'web', 'http://db/')).code).not.toBe(0);
    expect((await p.ok(['exec', '-T', 'web', 'cat', '/etc/hosts'])).stdout).not.toMatch(/\bdb\b/);
    const address = (await p.container('db-1')).addresses['back'];
    expect((await wget(p, 'web', `http://${address}/`)).code, 'nor by its address').not.toBe(0);
    expect((await p.ok(['exec', '-T', 'web', 'hostname'])).stdout).toBe('web-1\n');
  });
});

test('a network leads out, an internal one does not', async () => {
  await withOutside(async (there) => {
    const listening = there.start(['busybox', 'httpd', '-f', '-p', '80', '-h', '/etc']);
    await until('the machine outside answers', () => http(`http://${there.address}/hostname`));
    const stack = only({
      services: { open: { ...idle, networks: ['front'] }, shut: { ...idle, networks: ['back'] } },
      networks: { front: {}, back: { internal: true } },
    });
    await withProject(stack, async (p) => {
      await p.ok(['up', '-d']);
      expect(await wget(p, 'open', `http://${there.address}/hostname`)).toMatchObject({ code: 0 });
      expect((await wget(p, 'shut', `http://${there.address}/hostname`)).code).not.toBe(0);
    });
    listening.kill();
  });
});

test('a published port is on loopback alone, unless it is told to be public', async () => {
  await withOutside(async (there) => {
    const stack = only({
      services: {
        shut: { ...page, ports: ['18080:80'] },
        open: { ...page, ports: ['0.0.0.0:18081:80'] },
        alsoOpen: { ...page, ports: [{ target: 80, published: 18082, public: true }] },
      },
    });
    await withProject(stack, async (p) => {
      await p.ok(['up', '-d']);
      for (const port of [18080, 18081, 18082]) await until('the host gets an answer', () => http(`http://127.0.0.1:${port}/`));
      const from = (port: number) =>
        there.run(['busybox', 'timeout', '2', 'busybox', 'wget', '-qO-', `http://${there.hostAddress}:${port}/`]);
      expect(await from(18081)).toMatchObject({ code: 0, stdout: 'open-1\n' });
      expect(await from(18082)).toMatchObject({ code: 0, stdout: 'alsoOpen-1\n' });
      expect((await from(18080)).code).not.toBe(0);
      // A packet from outside for an address of a container comes past no port that was published.
      const address = (await p.container('shut-1')).addresses['default'];
      expect((await there.run(['busybox', 'timeout', '2', 'busybox', 'wget', '-qO-', `http://${address}/`])).code).not.toBe(0);
    });
  });
});

test('UDP ports answer, and containers reach published ports of others by the gateway', async () => {
  const stack = only({
    services: { echo: { ...udpEcho, ports: ['15353:5353/udp'] }, web: { ...page, ports: ['0.0.0.0:18080:80'] }, client: idle },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    expect(await until('the echo comes back', () => askUdp(15353, 'hello'))).toBe('HELLO');
    await until('the page answers', () => http('http://127.0.0.1:18080/'));
    const route = (await p.ok(['exec', '-T', 'client', 'ip', 'route', 'show', 'default'])).stdout;
    const gateway = /via (\S+)/.exec(route)?.[1];
    expect(await wget(p, 'client', `http://${gateway}:18080/`)).toMatchObject({ code: 0, stdout: 'web-1\n' });
  });
});

test('a published port reaches every replica', async () => {
  await withProject(only({ services: { web: { ...page, replicas: 2, ports: ['18080:80'] } } }), async (p) => {
    await p.ok(['up', '-d']);
    const seen = new Set<string>();
    await until('both replicas have answered', async () => seen.add((await http('http://127.0.0.1:18080/')).body).size === 2);
    expect([...seen].sort()).toEqual(['web-1\n', 'web-2\n']);
  });
});

test('a static address and subnet are as declared', async () => {
  const stack = only({
    services: { web: { ...page, networks: { lan: { ipv4Address: '10.99.7.77' } } }, client: { ...idle, networks: ['lan'] } },
    networks: { lan: { subnet: '10.99.7.0/24', gateway: '10.99.7.1' } },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    expect((await p.container('web-1')).addresses).toEqual({ lan: '10.99.7.77' });
    const answer = await until('it answers there', () => wget(p, 'client', 'http://10.99.7.77/'), { holds: ({ code }) => code === 0 });
    expect(answer.stdout).toBe('web-1\n');
    expect((await p.ok(['exec', '-T', 'web', 'ip', '-o', 'address', 'show', 'eth0'])).stdout).toMatch(/inet 10\.99\.7\.77\/24/);
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

/** One datagram to 127.0.0.1, and the text of the answer; rejects when there is none within half a second. */
async function askUdp(port: number, text: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    socket.send(text, port, '127.0.0.1');
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(500) });
    return String(answer);
  } finally {
    socket.close();
  }
}

test('a network is renamed, and another subnet given, under a running container', async () => {
  const named = (network: string, subnet: string) =>
    only({ services: { web: { ...page, networks: [network] } }, networks: { [network]: { subnet } } });
  await withProject(named('front', '10.77.0.0/24'), async (p) => {
    await p.ok(['up', '-d']);
    const { pid } = await p.container('web-1');
    for (const [network, subnet] of [
      ['edge', '10.77.0.0/24'],
      ['edge', '10.78.0.0/24'],
    ] as const) {
      p.write(named(network, subnet));
      await p.ok(['up', '-d']);
      expect((await p.ok(['up', '-d'])).stderr).toMatch(/nothing to change/);
      const { addresses, pid: now } = await p.container('web-1');
      expect(now).toBe(pid);
      expect((await http(`http://${addresses[network]}/`)).body).toBe('web-1\n');
      expect((await p.ok(['exec', 'web', 'ip', 'route'])).stdout).toContain(`default via ${subnet.replace('.0/24', '.1')}`);
    }
  });
});
