import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { idle, only, page, stackFile } from '../support/stack-file.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';
import { expectSameWorld, snapshotWorld } from '../support/world.ts';

const cli = new URL('../../bin/tsstack.cjs', import.meta.url).pathname;

/** `up` fails with this code, says all of this, shows no stack trace, and changes nothing. */
async function refused(p: Project, code: number, ...says: readonly RegExp[]): Promise<void> {
  const before = snapshotWorld();
  const up = await p.tsstack(['up', '-d']);
  expect(up).toMatchObject({ code, stdout: '' });
  for (const text of says) expect(up.stderr).toMatch(text);
  expect(up.stderr).not.toMatch(/^\s+at .*\(/m);
  await expectSameWorld(before);
}

test('all issues of a stack file are told at once, with the nearest right name', async () => {
  const bad = stackFile({
    name: 'Shop!',
    services: {
      web: { ...idle, dependsOn: ['dbb'], networks: ['bakc'], ports: ['18080:80'], limits: { memory: '1KiB' }, comand: ['x'] },
      db: { ...idle, ports: ['18080:81'], networks: ['back'], stopGracePeriod: 'soon', volumes: ['dta:/x'] },
    },
    networks: { back: { subnet: '10.1.2.300/24' } },
    volumes: { data: {} },
  });
  await withProject({ 'stack.config.ts': bad }, async (p) => {
    await refused(p, 2, /dbb.*db/s, /bakc.*back/s, /18080/, /memory/, /comand.*command/s, /soon/, /dta.*data/s, /10\.1\.2\.300/, /Shop!/);
    expect((await p.tsstack(['check'])).code).toBe(2);
    p.write(only({ services: { a: idle } }));
  });
});

test('a stack file that cannot be loaded is told with its place', async () => {
  await withProject({ 'stack.config.ts': 'export default {' }, async (p) => {
    await refused(p, 2, /stack\.config\.ts:1/);
    p.write({ 'stack.config.ts': "const n: number = 1;\n\nthrow new Error('broken ' + n);\n" });
    await refused(p, 2, /stack\.config\.ts:3/, /broken 1/);
    p.write({ 'stack.config.ts': 'export const a = 1;' });
    await refused(p, 2, /default/);
    p.write({ 'stack.config.ts': stackFile({ services: { a: { ...idle, replicas: 'many' } } }) });
    expect((await p.tsstack(['check'])).stdout + (await p.tsstack(['check'])).stderr).toMatch(/replicas/);
    p.write({ 'stack.config.ts': stackFile({ services: { a: { ...idle, dependsOn: ['b'] }, b: { ...idle, dependsOn: ['a'] } } }) });
    await refused(p, 2, /a → b → a|b → a → b/);
    p.write(only({ services: { a: idle } }));
  });
});

test('a port that somebody listens on is refused, and who holds it is said', async () => {
  const server = createServer((_, response) => response.end('mine')).listen(18080, '127.0.0.1');
  await once(server, 'listening');
  await withProject(only({ services: { web: { ...page, ports: ['18080:80'] } } }), async (p) => {
    await refused(p, 1, /18080/, /node|pid \d+|process \d+/);
    expect((await http('http://127.0.0.1:18080/')).body).toBe('mine');
  }).finally(() => server.close());
});

test('a link of somebody else under a name of ours is named, and left alone', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    const links = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' })) as { ifname: string }[];
    const ifname = links[0]?.ifname ?? '';
    await p.ok(['down']);
    execFileSync('ip', ['link', 'add', ifname, 'type', 'bridge']);
    try {
      await refused(p, 1, new RegExp(`\`${ifname}\``));
      await p.ok(['down']);
      expect(snapshotWorld().link?.has(ifname)).toBe(true);
    } finally {
      execFileSync('ip', ['link', 'delete', ifname]);
    }
    await p.ok(['up', '-d']);
  });
});

test('a subnet that the host routes already, and a bind source that is missing, are refused', async () => {
  const subnet = only({ services: { web: { ...idle, networks: ['lan'] } }, networks: { lan: { subnet: '10.77.0.0/24' } } });
  execFileSync('ip', ['link', 'add', 'lan0', 'type', 'bridge']);
  execFileSync('ip', ['address', 'add', '10.77.0.200/16', 'dev', 'lan0']);
  execFileSync('ip', ['link', 'set', 'lan0', 'addrgenmode', 'none']);
  execFileSync('ip', ['link', 'set', 'lan0', 'up']);
  try {
    await withProject(subnet, async (p) => {
      await refused(p, 1, /10\.77\.0\.0\/24/, /10\.77\.0\.0\/16/);
      p.write(only({ services: { web: { ...idle, volumes: ['./nowhere:/x'] } } }));
      const before = snapshotWorld();
      const up = await p.tsstack(['up', '-d']);
      expect([1, 2]).toContain(up.code);
      expect(up.stderr).toMatch(/nowhere/);
      await expectSameWorld(before);
    });
  } finally {
    execFileSync('ip', ['link', 'delete', 'lan0']);
  }
});

test('without root, or without iptables, the message says what to do', async () => {
  await withProject(only({ services: { web: { ...page, ports: ['18080:80'] } } }), async (p) => {
    const noTables = await p.tsstack(['up', '-d'], { env: { PATH: dirname(cli) } });
    expect(noTables.code).toBe(1);
    expect(noTables.stderr).toMatch(/iptables.*hint:.*iptables/s);
    await p.ok(['down']);

    chmodSync(dirname(p.directory), 0o755);
    const nobody = await command(['setpriv', '--reuid=65534', '--clear-groups', process.execPath, cli, 'up', '-d'], {
      cwd: p.directory,
      env: p.env,
    });
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toMatch(/root/);
  });
});

test('down takes a stack down whose stack file is broken or gone', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    await p.ok(['up', '-d']);
    p.write({ 'stack.config.ts': 'export default {' });
    expect((await p.tsstack(['up', '-d'])).code).toBe(2);
    expect((await p.ok(['down'])).stderr).toMatch(/^note: .*going on with stack `shop`/m);
    const again = await p.tsstack(['down']);
    expect(again.code).toBe(2);
    p.write(only({ services: { web: idle } }));
    expect((await p.ok(['down'])).stderr).toMatch(/nothing to remove/);
  });
});

test('a typo in a command or an option is a usage error with a suggestion', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    expect(await p.tsstack(['dwon'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/`dwon`.*`?down/s) });
    expect(await p.tsstack(['up', '--detatch'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/detach/) });
    expect(await p.tsstack(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect((await p.tsstack(['help'])).stdout).toMatch(/up .*\n(.*\n)*.*down/);
    expect(JSON.parse((await p.tsstack(['doctor', '--json'])).stdout)).toBeDefined();
  });
});

test('a full disk is one clear message, and the next down clears up', async () => {
  await withProject(only({ services: { web: { ...idle, replicas: 3 } } }), async (p) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=24', 'full', p.stateDirectory]);
    try {
      const up = await p.tsstack(['up', '-d']);
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/ENOSPC|no space left/i);
      await p.ok(['down', '--volumes']);
    } finally {
      execFileSync('umount', [p.stateDirectory]);
    }
    expect((await until('it comes up elsewhere', () => p.ok(['up', '-d']))).code).toBe(0);
  });
});

test('a disk that fills up later is told as that, and what runs goes on', async () => {
  await withProject(only({ services: { web: idle } }), async (p) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'full', p.stateDirectory]);
    try {
      await p.ok(['up', '-d']);
      const { pid } = await p.container('web-1');
      expect(() => writeFileSync(`${p.stateDirectory}/fill`, Buffer.alloc(2 ** 20))).toThrow('ENOSPC');
      p.write(only({ services: { web: idle, more: idle } }));
      const up = await p.tsstack(['up', '-d']);
      expect(up.code).toBe(1);
      expect(up.stderr).toMatch(/cannot write .*no space left on device/);
      expect(up.stderr).toContain('hint: the disk is full');
      expect((await p.container('web-1')).pid).toBe(pid);
      await p.ok(['down', '--volumes']);
    } finally {
      execFileSync('umount', [p.stateDirectory]);
    }
  });
});

test('a root filesystem that cannot be built is told as that, not as a network that is gone', async () => {
  await withProject(only({ services: { web: { ...idle, workingDir: '/bin/busybox' } } }), async (p) => {
    const up = await p.tsstack(['up', '-d']);
    expect(up.code).toBe(1);
    expect(up.stderr).toMatch(/cannot \w+ container `web-1`: target .*\/bin\/busybox/);
    expect(up.stderr).not.toContain('network namespace');
  });
});
