import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { askUdp, withSocket } from '../support/sockets.ts';
import { idle, only, page, udpEcho } from '../support/stack-file.ts';
import { killSupervisor } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const portOf = async (p: Project, ...words: string[]) => {
  const [line = ''] = (await p.ok(['port', ...words])).stdout.trim().split('\n');
  return Number(line.slice(line.lastIndexOf(':') + 1));
};

const body = async (host: string, port: number) => (await http(`http://${host}:${port}/`)).body;

test('a port that nobody chose is chosen, and kept until the stack is taken down', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['80'] } } }), async (p) => {
    await p.ok(['up', '-d']);
    const port = await portOf(p, 'web', '80');
    expect(port).toBeGreaterThan(60999);
    await until('it answers', () => body('127.0.0.1', port));
    await p.ok(['up', '-d', '--force-recreate']);
    expect(await portOf(p, 'web', '80'), 'after another up').toBe(port);
    await p.ok(['restart']);
    expect(await portOf(p, 'web', '80'), 'after a restart').toBe(port);
    await killSupervisor(p);
    p.write(only({ services: { web: { ...page, ports: ['81', '80'], labels: { a: 'b' } } } }));
    await p.ok(['up', '-d']);
    expect(await portOf(p, 'web', '80'), 'by the next supervisor').toBe(port);
    expect(await portOf(p, 'web', '81')).not.toBe(port);
    const missing = await p.ok(['port', 'web', '82'], { code: 1 });
    expect(missing.stderr).toMatch(/port 82\/tcp of `web` is not published/);
  });
});

test('two instances of a stack have ports of their own', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['80'] } } }), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['up', '-d', '--instance', 'two']);
    const [one, two] = [await portOf(p, 'web', '80'), await portOf(p, '--instance', 'two', 'web', '80')];
    expect(two).not.toBe(one);
    await until('both answer', async () => (await body('127.0.0.1', one)) + (await body('127.0.0.1', two)));
    await p.ok(['down', '--instance', 'two']);
  });
});

test('of a range the first free port is taken; without strictPorts the next one, and it is said', async () => {
  const stack = (more: object) => only({ services: { web: { ...page, ports: ['18080-18081:80'], ...more } } });
  await withProject(stack({}), async (p) => {
    await withSocket('tcp', { address: '127.0.0.1', port: 18080 }, async () => {
      await p.ok(['up', '-d']);
      expect(await portOf(p, 'web', '80')).toBe(18081);
      await p.ok(['down']);
      await withSocket('tcp', { address: '127.0.0.1', port: 18081 }, async () => {
        const refused = await p.ok(['up', '-d'], { code: 1 });
        expect(refused.stderr).toMatch(/no port of 18080-18081\/tcp is free on 127\.0\.0\.1.* in use by .*\(pid \d+\), which listens/);
        p.write(stack({ strictPorts: false }));
        const moved = await p.ok(['up', '-d']);
        expect(moved.stderr).toMatch(/ports 18080-18081 of `web` is in use by .*; published on 18082/);
        expect(await portOf(p, 'web', '80')).toBe(18082);
      });
    });
  });
});

test('a port that another stack or a process has is refused, and it is said who has it', async () => {
  const files = only({ services: { web: { ...page, ports: ['18080:80'] } } });
  const other = only({ name: 'other', services: { api: { ...page, ports: ['18080:80'] } } });
  const there = Object.entries(other).map(([name, text]) => [`other/${name}`, text.replaceAll('./rootfs', '../rootfs')]);
  await withProject({ ...files, ...Object.fromEntries(there) }, async (p) => {
    await withSocket('tcp', { address: '::1', port: 18080 }, async () => {
      const refused = await p.ok(['up', '-d'], { code: 1 });
      expect(refused.stderr).toMatch(/port \[::1\]:18080\/tcp is in use by .*\(pid \d+\), which listens on \[::1\]:18080/);
    });
    await p.ok(['up', '-d']);
    const refused = await p.ok(['up', '-d'], { code: 1, cwd: `${p.directory}/other` });
    expect(refused.stderr).toContain(`is published by service \`web\` of stack \`shop\` in ${p.directory}`);
    expect(await p.ps()).toHaveLength(1);
    await p.ok(['down'], { cwd: `${p.directory}/other` });
  });
});

test('127.0.0.1 and ::1 lead to the same, TCP and UDP, also when somebody has flushed the rules', async () => {
  const stack = only({ services: { web: { ...page, ports: ['18080:80'] }, echo: { ...udpEcho, ports: ['15353:5353/udp'] } } });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const answers = async () => [
      await body('127.0.0.1', 18080),
      await body('[::1]', 18080),
      await askUdp(15353, 'hello'),
      await askUdp(15353, 'hello', '::1'),
    ];
    expect(await until('all answer', answers)).toEqual(['web-1\n', 'web-1\n', 'HELLO', 'HELLO']);
    expect((await p.container('web-1')).ports).toEqual(['127.0.0.1:18080->80/tcp', '[::1]:18080->80/tcp']);
    expect((await p.ok(['ps'])).stdout).toMatch(/ 127\.0\.0\.1:18080->80\/tcp\n/);
    execFileSync('iptables', ['-t', 'nat', '-F']);
    expect(await answers()).toEqual(['web-1\n', 'web-1\n', 'HELLO', 'HELLO']);
  });
});

test('a published port is reserved while the stack is up, and free after it', async () => {
  const stack = only({ services: { web: { ...page, ports: ['18080:80', '15353:53/udp'] }, other: idle } });
  await withProject(stack, async (p) => {
    const taken = async () => {
      const places = ['127.0.0.1', '::1'].flatMap((address) => [
        { protocol: 'tcp' as const, address, port: 18080 },
        { protocol: 'udp' as const, address, port: 15353 },
      ]);
      const codes = places.map(({ protocol, ...place }) =>
        withSocket(protocol, place).then(
          () => 'free',
          (error: NodeJS.ErrnoException) => error.code,
        ),
      );
      return [...new Set(await Promise.all(codes))];
    };
    expect(await taken()).toEqual(['free']);
    await p.ok(['up', '-d']);
    expect(await taken()).toEqual(['EADDRINUSE']);
    await p.ok(['stop', 'web']);
    expect(await taken(), 'while it is stopped').toEqual(['EADDRINUSE']);
    await expect(readAll('::1', 18080), 'nobody is there').rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await killSupervisor(p);
    await until('nobody looks after it', taken, { holds: (codes) => codes.join() === 'free' });
    await p.ok(['ps']);
    await until('the next supervisor has them', taken, { holds: (codes) => codes.join() === 'EADDRINUSE' });
    p.write(only({ services: { web: { ...page, ports: ['18081:80'] }, other: idle } }));
    await p.ok(['up', '-d']);
    expect(await taken(), 'not published any more').toEqual(['free']);
    await withSocket('tcp', { address: '127.0.0.1', port: 18080 }, async () => {
      p.write(stack);
      await p.ok(['up', '-d'], { code: 1 });
      await until('what was published still is', () => body('[::1]', 18081));
    });
    await p.ok(['down']);
    expect(await taken()).toEqual(['free']);
  });
});

test('an address that this host does not have is refused before anything is started', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['192.0.2.7:18080:80'] } } }), async (p) => {
    const refused = await p.ok(['up', '-d'], { code: 1 });
    expect(refused.stderr).toMatch(/cannot publish port 192\.0\.2\.7:18080\/tcp of `web`: this host has no address 192\.0\.2\.7/);
    expect(await p.ps()).toEqual([]);
  });
});

/** All that is sent there to who says nothing. */
function readAll(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect({ host, port });
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}
