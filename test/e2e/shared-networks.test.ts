/** Networks that a stack joins and others make: another stack, or the host. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { type SecondStack, withSecondStack } from '../support/second-stack.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const shop = (front: Record<string, unknown>) => only({ services: { web: { ...page, networks: ['front'] } }, networks: { front } });

/** A stack whose one container is on the network that is described, `at` that address. */
async function withTools(p: Project, network: Record<string, unknown>, body: (tools: SecondStack) => Promise<void>): Promise<void> {
  const { at, ...theirs } = network;
  const services = { client: { ...idle, networks: { theirs: at === undefined ? {} : { ipv4Address: at } } } };
  await withSecondStack(p, { directory: 'tools', name: 'tools', services, networks: { theirs } }, body);
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

test('an `up` that would take a network from under others is refused, and changes nothing', async () => {
  await withProject(shop({ shared: true }), async (p) => {
    await p.ok(['up', '-d']);
    const was = await p.container('web-1');
    await withTools(p, { external: 'shop/front' }, async (tools) => {
      await tools.ok(['up', '-d']);
      const client = (host: string) => tools.ok(['exec', '-T', 'client', 'wget', '-qO-', `http://${host}/`]);
      p.write(only({ services: { web: { ...page, networks: ['back'] } }, networks: { back: {} } }));
      const refused = await p.ok(['up', '-d'], { code: 1 });
      expect(refused.stderr).toMatch(/cannot remove network `front`: `tools-client-1` of stack `tools` in \S+ is on it/);
      expect(refused.stderr).toContain(`tsstack down\` in ${tools.directory} first`);
      expect(await p.container('web-1')).toEqual(was);
      expect((await client('web')).stdout).toBe('web-1\n');
    });
    await p.ok(['up', '-d']);
    expect(Object.keys((await p.container('web-1')).addresses)).toEqual(['back']);
  });
});

test('of two stacks with one name, the directory says which is meant', async () => {
  const clone = { name: 'shop', services: { web: { ...page, networks: ['front'] } }, networks: { front: { shared: true } } };
  await withProject(only(clone), async (p) => {
    await p.ok(['up', '-d']);
    await withSecondStack(p, { directory: 'clone', ...clone }, async (second) => {
      await second.ok(['up', '-d']);
      await withTools(p, { external: 'shop/front' }, async (tools) => {
        const said = (await tools.ok(['up', '-d'], 1)).stderr;
        expect(said).toMatch(/cannot join network `theirs`: there is stack `shop` more than once: in \S+, in \S+\n.*`external.directory`/);
        const external = { stack: 'shop', network: 'front', directory: second.directory };
        tools.write({ name: 'tools', services: { client: { ...idle, networks: ['theirs'] } }, networks: { theirs: { external } } });
        await tools.ok(['up', '-d']);
        const inThere = await second.ok(['exec', '-T', 'web', 'ip', '-4', '-o', 'addr', 'show', 'eth0']);
        const address = /inet ([\d.]+)/.exec(inThere.stdout)?.[1];
        const found = await tools.ok(['exec', '-T', 'client', 'nslookup', 'web']);
        expect(found.stdout).toContain(`Address: ${address}`);
        expect(found.stdout).not.toContain((await p.container('web-1')).addresses['front']);
      });
    });
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
