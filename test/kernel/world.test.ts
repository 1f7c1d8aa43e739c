import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { command, outside } from '../support/fake-host.ts';
import { http } from '../support/http.ts';
import { until } from '../support/until.ts';
import { diffWorld, expectSameWorld, snapshotWorld } from '../support/world.ts';

const run = async (...argv: readonly string[]) => expect(await command(argv)).toMatchObject({ code: 0 });

test('the fake host is not the host: only lo, no rules', async () => {
  const { link, rule } = snapshotWorld();
  expect([...(link?.keys() ?? [])]).toEqual(['lo']);
  expect(rule?.size).toBe(0);
});

test('a world diff names each kind of thing that is left behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-world-'));
  const options = { directories: [directory] };
  const before = snapshotWorld(options);
  const cgroup = `/sys/fs/cgroup/${await hierarchy()}tsstack-world-${process.pid}`;

  await run('ip', 'link', 'add', 'left0', 'type', 'bridge');
  await run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'left0');
  await run('ip', 'link', 'set', 'left0', 'up');
  await run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-s', '192.0.2.0/24', '-j', 'MASQUERADE');
  await run('mount', '-t', 'tmpfs', 'left', directory);
  mkdirSync(cgroup);
  onTestFinished(() => rmSync(directory, { recursive: true }));
  onTestFinished(() => void (existsSync(cgroup) && rmdirSync(cgroup)));
  writeFileSync(join(directory, 'left'), '');
  const fd = openSync(join(directory, 'left'), 'r');
  const sleeper = spawn('unshare', ['--net', 'sleep', '1000'], { stdio: 'ignore' });
  await once(sleeper, 'spawn');

  const left = await until('all of it is seen', () => diffWorld(before, snapshotWorld(options)), {
    holds: (lines) => lines.some((line) => line.startsWith('network namespace appeared')),
  });
  expect(left).toEqual(
    expect.arrayContaining(['link appeared: left0 (bridge)', 'address appeared: left0 192.0.2.1/24', `cgroup appeared: ${cgroup}`]),
  );
  expect([...new Set(left.map((line) => line.split(' appeared')[0]))]).toEqual([
    'link',
    'address',
    'route',
    'rule',
    'mount',
    'cgroup',
    'network namespace',
    'process',
    'file descriptor',
    'file',
  ]);

  sleeper.kill('SIGKILL');
  await once(sleeper, 'exit');
  closeSync(fd);
  rmdirSync(cgroup);
  await run('umount', directory);
  await run('iptables', '-t', 'nat', '-F', 'POSTROUTING');
  await run('ip', 'link', 'delete', 'left0');
  rmSync(join(directory, 'left'), { force: true });
  await expectSameWorld(before, options);
});

test('a machine outside reaches the fake host and is reached by it, and leaves nothing', async () => {
  const before = snapshotWorld();
  const there = await outside();
  const server = createServer((_, response) => response.end('from the fake host')).listen(0, there.hostAddress);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const answer = await there.run(['busybox', 'wget', '-qO-', `http://${there.hostAddress}:${port}/`]);
  expect(answer).toMatchObject({ code: 0, stdout: 'from the fake host' });

  const page = there.start(['busybox', 'httpd', '-f', '-p', '8000', '-h', '/etc']);
  const seen = await until('the machine outside answers', () => http(`http://${there.address}:8000/hostname`));
  expect(seen.status).toBe(200);
  page.kill('SIGKILL');
  server.close();
  await there.close();
  await expectSameWorld(before);
});

/** `` on a pure v2 host, else the folder of one v1 hierarchy. */
async function hierarchy(): Promise<string> {
  const { code } = await command(['test', '-d', '/sys/fs/cgroup/pids']);
  return code === 0 ? 'pids/' : '';
}
