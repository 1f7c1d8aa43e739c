/** Networks that a stack joins and others make: another stack, or the host. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { idle, only, page, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const shop = (front: Record<string, unknown>) => only({ services: { web: { ...page, networks: ['front'] } }, networks: { front } });

interface Beside {
  readonly directory: string;
  ok(argv: readonly string[], code?: number): ReturnType<Project['ok']>;
}

/** Another stack in a directory of its own, taken down at the end whatever happens. */
async function withTools(p: Project, network: Record<string, unknown>, body: (tools: Beside) => Promise<void>): Promise<void> {
  const directory = join(p.directory, 'tools');
  mkdirSync(directory);
  symlinkSync(join(p.directory, 'rootfs'), join(directory, 'rootfs'));
  const services = { client: { ...idle, networks: { theirs: network['at'] === undefined ? {} : { ipv4Address: network['at'] } } } };
  const { at: _, ...theirs } = network;
  writeFileSync(join(directory, 'stack.config.ts'), stackFile({ name: 'tools', services, networks: { theirs } }));
  const ok: Beside['ok'] = (argv, code = 0) => p.ok(argv, { cwd: directory, code });
  try {
    await body({ directory, ok });
  } finally {
    await ok(['down', '--volumes', '--timeout', '0']);
  }
}

test('a stack joins a network that another one shares: they reach one another, by name and by address', async () => {
  await withProject(shop({ shared: true }), async (p) => {
    await p.ok(['up', '-d']);
    const { addresses } = await p.container('web-1');
    const subnet = addresses['front']?.replace(/\.\d+$/, '');
    await withTools(p, { external: 'shop/front', at: `${subnet}.77` }, async (tools) => {
      await tools.ok(['up', '-d']);
      const get = (host: string) => tools.ok(['exec', '-T', 'client', 'wget', '-qO-', `http://${host}/`]);
      await until('it is reached', () => get(addresses['front'] ?? ''), { holds: ({ stdout }) => stdout === 'web-1\n' });
      expect((await tools.ok(['exec', '-T', 'client', 'ip', '-4', 'addr', 'show', 'eth0'])).stdout).toContain(`${subnet}.77/24`);
      expect((await get('web')).stdout).toBe('web-1\n');
    });
  });
});

test('a stack whose network others are on is not taken down before them, and its network survives a restart', async () => {
  await withProject(shop({ shared: true }), async (p) => {
    await p.ok(['up', '-d']);
    await withTools(p, { external: 'shop/front' }, async (tools) => {
      await tools.ok(['up', '-d']);
      const refused = await p.ok(['down', '--timeout', '0'], { code: 1 });
      expect(refused.stderr).toMatch(/cannot take stack `shop` down: network `front`: `tools-client-1` of stack `tools` in \S+ is on it/);
      expect(refused.stderr).toContain(`tsstack down\` in ${tools.directory} first`);
      expect(await p.container('web-1'), 'nothing has been touched').toMatchObject({ state: 'running' });
      await p.ok(['restart', '--timeout', '0']);
      const { addresses } = await p.container('web-1');
      await until('it is reached', () => tools.ok(['exec', '-T', 'client', 'wget', '-qO-', `http://${addresses['front']}/`]));
    });
    await p.ok(['down', '--timeout', '0']);
  });
});

test.each([
  ['is not there', { external: 'shop/back' }, /cannot join network `theirs`: stack `shop` in \S+ has no network `back`/],
  ['is not shared', { external: 'shop/front' }, /stack `shop` in \S+ doesn't share its network `front`[\s\S]*networks.front.shared: true/],
  ['is of nobody', { external: 'shoop/front' }, /stack `shoop` is not up on this host/],
  ['is no bridge of the host', { external: { bridge: 'br-none' }, subnet: '10.66.0.0/24' }, /this host has no bridge `br-none`/],
  ['is a link of another kind', { external: { bridge: 'lo' }, subnet: '10.66.0.0/24' }, /`lo` is a link, no bridge/],
])('what can not be joined is told, with why: a network that %s', async (_, network, said) => {
  await withProject(shop({}), async (p) => {
    await p.ok(['up', '-d']);
    await withTools(p, network, async (tools) => {
      expect((await tools.ok(['up', '-d'], 1)).stderr).toMatch(said);
    });
  });
});

test("a stack joins a bridge of the host's, and leaves it as it was", async () => {
  execFileSync('sh', [
    '-ec',
    'ip link add br-lab type bridge; ip link set br-lab addrgenmode none; ip addr add 10.66.0.1/24 dev br-lab; ip link set br-lab up',
  ]);
  try {
    const networks = { lab: { external: { bridge: 'br-lab' }, subnet: '10.66.0.0/24' } };
    await withProject(only({ services: { web: { ...page, networks: ['lab'] } }, networks }), async (p) => {
      await p.ok(['up', '-d']);
      const { addresses } = await p.container('web-1');
      expect(addresses['lab']).toMatch(/^10\.66\.0\./);
      await until('it answers', () => p.ok(['exec', '-T', 'web', 'wget', '-qO-', 'http://127.0.0.1/']));
      expect(execFileSync('ip', ['-j', 'link', 'show', 'master', 'br-lab'], { encoding: 'utf8' })).toContain('"ifname"');
      await p.ok(['down', '--timeout', '0']);
      expect(execFileSync('ip', ['-j', 'addr', 'show', 'br-lab'], { encoding: 'utf8' })).toContain('10.66.0.1');
    });
  } finally {
    execFileSync('ip', ['link', 'del', 'br-lab']);
  }
});
