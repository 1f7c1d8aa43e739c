import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDnsServer } from '../support/dns-server.ts';
import { command } from '../support/fake-host.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { killSupervisor } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

/** glibc looks names up, as most programs have it. */
const glibc = { ...idle, image: 'host' };

test('names are answered on the gateway: of services, replicas, aliases, and addresses backwards, by networks', async () => {
  const stack = only({
    services: {
      web: { ...idle, networks: ['front'] },
      api: { ...idle, networks: { front: { aliases: ['Backend.Local'] }, back: {} }, replicas: 3 },
      db: { ...idle, networks: ['back'] },
    },
    networks: { front: {}, back: { internal: true } },
  });
  await withProject(stack, async (p) => {
    await p.ok(['up', '-d']);
    const front = await addressesOf(p, 'front');
    const back = await addressesOf(p, 'back');
    expect(await nslookup(p, 'web', 'api')).toEqual([front['api-1'], front['api-2'], front['api-3']]);
    expect(await nslookup(p, 'web', 'shop-api-2')).toEqual([front['api-2']]);
    expect(await nslookup(p, 'web', 'backend.local')).toEqual([front['api-1'], front['api-2'], front['api-3']]);
    expect(await nslookup(p, 'web', 'db'), 'no network is shared').toEqual([]);
    // An internal network reaches nothing else of the host.
    expect(await nslookup(p, 'db', 'api-1')).toEqual([back['api-1']]);

    const dig = await diggerOf(p, 'web-1');
    expect(await dig('web', 'A')).toEqual(['NOERROR', front['web-1']]);
    expect(await dig('web', 'AAAA')).toEqual(['NOERROR']);
    expect(await dig('+tcp', 'API', 'A')).toHaveLength(4);
    expect(await dig('-x', `${front['api-3']}`)).toEqual(['NOERROR', 'shop-api-3.']);
    expect(await dig('-x', `${back['db-1']}`)).toEqual(['NXDOMAIN']);
    const first = new Set<unknown>();
    for (let i = 0; i < 3; i++) first.add((await dig('api', 'A'))[1]);
    expect(first.size, 'each time another replica comes first').toBe(3);
    // The host's own view, from where the bridge is.
    const gateway = /via (\S+)/.exec((await p.ok(['exec', '-T', 'web', 'ip', 'route', 'show', 'default'])).stdout)?.[1];
    expect((await command(['dig', '+short', `@${gateway}`, 'db'])).stdout.trim()).toBe(back['db-1']);
  });
});

test('running containers see a change at once, and their hosts files stay as they are', async () => {
  const services = (replicas: number, more = {}) => ({ web: idle, api: { ...idle, replicas }, ...more });
  await withProject(only({ services: services(1) }), async (p) => {
    await p.ok(['up', '-d']);
    const hosts = await p.ok(['exec', '-T', 'web', 'cat', '/etc/hosts']);
    p.write(only({ services: services(3, { mail: idle }) }));
    await p.ok(['up', '-d']);
    expect(await nslookup(p, 'web', 'api')).toHaveLength(3);
    expect(await nslookup(p, 'web', 'mail')).toHaveLength(1);
    await p.ok(['stop', '-t', '0', 'mail']);
    expect(await nslookup(p, 'web', 'mail')).toEqual([]);
    await p.ok(['start', 'mail']);
    expect(await nslookup(p, 'web', 'mail')).toHaveLength(1);
    expect((await p.ok(['exec', '-T', 'web', 'cat', '/etc/hosts'])).stdout).toBe(hosts.stdout);
  });
});

test('many replicas do not fit into a datagram, and are found all the same', async () => {
  await withProject(only({ services: { web: idle, many: { ...idle, replicas: 33 } } }), async (p) => {
    await p.ok(['up', '-d']);
    const dig = await diggerOf(p, 'web-1');
    expect(await dig('+noedns', '+ignore', 'many')).toHaveLength(1 + 30);
    expect(await dig('+noedns', 'many')).toHaveLength(1 + 33);
  });
});

test('everything else is asked of the resolvers of the host, be they on its loopback, and the search domains are its own', async () => {
  const records = { 'example.com': ['192.0.2.1'], 'printer.corp.example': ['192.0.2.9'] };
  await using upstream = await startDnsServer({ address: '127.0.0.53', records });
  using host = resolvConf('nameserver 127.0.0.53\nsearch corp.example\noptions edns0 ndots:3\n');
  await withProject(only({ services: { web: glibc, off: { ...idle } } }), async (p) => {
    await p.ok(['up', '-d']);
    await p.ok(['stop', '-t', '0', 'off']);
    const text = (await p.ok(['exec', '-T', 'web', 'cat', '/etc/resolv.conf'])).stdout;
    expect(text).toMatch(/^nameserver 10\.\S+\.1\nsearch corp\.example\noptions edns0 ndots:0\n$/);
    expect((await getent(p, 'example.com')).stdout).toMatch(/^192\.0\.2\.1 /);
    expect((await getent(p, 'printer')).stdout, 'by the search domain').toMatch(/^192\.0\.2\.9 /);
    expect((await getent(p, 'nobody.example')).code).toBe(2);
    const dig = await diggerOf(p, 'web-1');
    expect(await dig('off'), 'it does not run').toEqual(['NXDOMAIN']);
    expect(upstream.asked.filter((question) => / (web|web-1|off|printer) /.test(question))).toEqual([]);
    host.write('');
    expect(await dig('example.com'), 'offline: at once').toEqual(['SERVFAIL']);
    host.write('nameserver 192.0.2.53\n');
    expect(await dig('example.com')).toEqual(['SERVFAIL']);
    expect(await dig('web')).toHaveLength(2);
  });
});

test('without the supervisor a container still finds those it depends on; the next command brings all names back', async () => {
  const services = {
    web: { ...glibc, dependsOn: ['db'] },
    db: page,
    other: idle,
  };
  await withProject(only({ services }), async (p) => {
    await p.ok(['up', '-d']);
    const found = await until('both are found', async () => [(await getent(p, 'db')).code, (await getent(p, 'other')).code], {
      holds: (codes) => codes.every((code) => code === 0),
    });
    expect(found).toEqual([0, 0]);
    const pid = (await p.container('web-1')).pid ?? 0;
    await killSupervisor(p);
    // Not by `exec`, which would be the next command.
    const inside = (name: string) => command(['nsenter', '-t', `${pid}`, '-m', '-n', 'getent', 'ahostsv4', name]);
    await until('nobody answers', () => inside('other'), { holds: ({ code }) => code !== 0 });
    expect((await inside('db')).code).toBe(0);
    expect((await inside('web')).code).toBe(0);
    await p.ok(['up', '-d']);
    expect((await inside('other')).code).toBe(0);
  });
});

test('who has taken port 53 of every address is named, and the stack comes up all the same', async () => {
  const holder = spawn('python3', [
    '-c',
    'import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(("0.0.0.0",53))\nprint("bound",flush=True)\ntime.sleep(1000)',
  ]);
  try {
    await once(holder.stdout, 'data');
    await withProject(only({ services: { web: { ...idle, dependsOn: ['db'] }, db: idle } }), async (p) => {
      const { stdout, stderr } = await p.ok(['up', '-d']);
      expect(stdout + stderr).toMatch(/cannot answer for names on `10\.\S+`: port 53 is taken by python\S* \(pid \d+\)/);
      expect((await p.ok(['exec', '-T', 'web', 'cat', '/etc/hosts'])).stdout).toMatch(/\bdb\b/);
    });
  } finally {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
});

async function addressesOf(p: Project, network: string): Promise<Record<string, string | undefined>> {
  return Object.fromEntries((await p.ps()).map(({ name, addresses }) => [name, addresses[network]]));
}

/** Addresses of a name, as busybox finds them; sorted. */
async function nslookup(p: Project, from: string, name: string): Promise<readonly string[]> {
  const { stdout } = await p.tsstack(['exec', '-T', from, 'nslookup', name]);
  const [, ...answers] = stdout.split('\n\n');
  return [...answers.join('\n').matchAll(/^Address:\s+(\S+)$/gm)].map((match) => match[1] ?? '').sort();
}

function getent(p: Project, name: string) {
  return p.tsstack(['exec', '-T', 'web', 'getent', 'ahostsv4', name]);
}

/** What dig says in the network namespace of a container, of its nameserver: the status and what was answered. */
async function diggerOf(p: Project, container: string): Promise<(...argv: readonly string[]) => Promise<readonly string[]>> {
  const { pid } = await p.container(container);
  const server = /^nameserver (\S+)$/m.exec((await p.ok(['exec', '-T', container, 'cat', '/etc/resolv.conf'])).stdout)?.[1];
  return async (...argv) => {
    const { stdout } = await command(['nsenter', '-t', `${pid}`, '-n', 'dig', `@${server}`, '+tries=1', '+time=4', ...argv]);
    const data = [...stdout.matchAll(/^[^;\s]\S*\s+\d+\s+IN\s+\w+\s+(\S+)$/gm)].map((match) => match[1] ?? '');
    return [/status: (\w+)/.exec(stdout)?.[1] ?? stdout, ...data];
  };
}

interface HostFile extends Disposable {
  write(text: string): void;
}

/** Puts another resolv.conf over the fake host's, until it is disposed of. */
function resolvConf(text: string): HostFile {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-resolv-'));
  const path = join(directory, 'resolv.conf');
  writeFileSync(path, text);
  execFileSync('mount', ['--bind', path, '/etc/resolv.conf']);
  return {
    write: (other) => writeFileSync(path, other),
    [Symbol.dispose]: () => {
      execFileSync('umount', ['/etc/resolv.conf']);
      rmSync(directory, { recursive: true });
    },
  };
}
