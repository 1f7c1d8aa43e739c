import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProcessIdentity } from '../../engine/model/container.ts';
import type { LaunchSpec } from '../../engine/model/launch.ts';
import { BINARY, type Fixture, openFixture } from './launcher-fixture.ts';

let fixture: Fixture;
beforeAll(() => {
  fixture = openFixture();
});
afterAll(() => fixture.close());

const PRIVATE = ['cgroup', 'ipc', 'mnt', 'pid', 'user', 'uts'];
const ALL_NAMESPACES = 'cd /proc/self/ns; for n in net cgroup ipc mnt pid user uts; do readlink $n; done';
const namespaceOf = (pid: number | 'self', name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);

/** A container that runs until it is killed. */
async function running(name: string, change?: Partial<LaunchSpec>): Promise<ProcessIdentity> {
  const { init } = await fixture.launcher.create(name, fixture.spec(name, 'exec sleep 1000', change));
  await fixture.launcher.start(name);
  return init;
}

async function kill(name: string, init: ProcessIdentity): Promise<void> {
  await fixture.launcher.signal(init, 9);
  await fixture.ended(name);
}

/** As `run` of the fixture, joined to a process. */
async function runJoined(name: string, script: string, owner: ProcessIdentity, change?: Partial<LaunchSpec>) {
  const spec = fixture.spec(name, script, { ...change, network: { kind: 'join', container: 'owner' } });
  const { monitor } = await fixture.launcher.create(name, spec, owner);
  await fixture.launcher.start(name);
  await fixture.launcher.waitExit(monitor, AbortSignal.timeout(20_000));
  return { status: fixture.status(name), stdout: fixture.output(name), stderr: fixture.output(name, 'stderr') };
}

function execIn(init: ProcessIdentity, script: string): string {
  const container = ['--init-pid', String(init.pid), '--init-start-time', String(init.startTime), '--no-stdin'];
  const command = ['--env', 'PATH=/bin', '--arg', 'sh', '--arg', '-c', '--arg', script];
  return execFileSync(BINARY, ['exec', ...container, ...command], { encoding: 'utf8' });
}

/** As `ls` prints them. */
function linkNames(): string[] {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link', 'show'], { encoding: 'utf8' })) as readonly { readonly ifname: string }[];
  return links.map(({ ifname }) => `${ifname}\n`).sort();
}

function expectOnlyNetworkShared(stdout: string, shared: string): void {
  const [net, ...rest] = stdout.trim().split('\n');
  expect(net).toBe(shared);
  expect(rest).toHaveLength(PRIVATE.length);
  for (const [index, name] of PRIVATE.entries()) {
    expect(rest[index]).toMatch(new RegExp(`^${name}:`));
    expect(rest[index]).not.toBe(namespaceOf('self', name));
  }
}

describe("a container with the host's network", () => {
  test('shares the network namespace of the host and nothing else', async () => {
    const { stdout } = await fixture.run('host-ns', ALL_NAMESPACES, { network: { kind: 'host' } });
    expectOnlyNetworkShared(stdout, namespaceOf('self', 'net'));
  });

  test("sees the host's interfaces and can't change them, nor its sysctls", async () => {
    const script = `ls /sys/class/net; for change in 'ip link add bridge9 type bridge' 'ip link set lo down' 'ip addr add 10.9.9.9/32 dev lo' \\
      'echo 1 > /proc/sys/net/ipv4/conf/lo/forwarding' 'echo x > /sys/class/net/lo/ifalias'; do sh -c "$change" 2>/dev/null && echo "$change"; done`;
    const all = Array.from({ length: 41 }, (_, i) => i);
    const { stdout } = await fixture.run('host-rights', script, { network: { kind: 'host' }, capabilities: all, readonlyPaths: [] });
    expect(stdout).toBe(linkNames().join(''));
  });

  test('has all that a container has under /sys', async () => {
    const script = 'ls /sys/firmware | wc -l; grep " /sys" /proc/self/mountinfo';
    const { stdout } = await fixture.run('host-sys', script, { network: { kind: 'host' } });
    expect(stdout).toMatch(/^0\n/);
    expect(stdout).toMatch(/ \/sys ro,nosuid,nodev,noexec/);
  });

  test('can be entered', async () => {
    const init = await running('host-exec', { network: { kind: 'host' } });
    expect(execIn(init, 'readlink /proc/self/ns/net; readlink /proc/self/ns/user')).toBe(
      `${namespaceOf('self', 'net')}\n${namespaceOf(init.pid, 'user')}\n`,
    );
    await kill('host-exec', init);
  });
});

describe('a container that joins another one', () => {
  test('shares its network namespace and nothing else', async () => {
    const owner = await running('owner-ns');
    const { stdout } = await runJoined('join-ns', ALL_NAMESPACES, owner);
    expectOnlyNetworkShared(stdout, namespaceOf(owner.pid, 'net'));
    for (const name of PRIVATE) expect(stdout).not.toContain(namespaceOf(owner.pid, name));
    await kill('owner-ns', owner);
  });

  test("sees its interfaces, in /sys, too, and can't change them", async () => {
    const owner = await running('owner-rights');
    execFileSync('nsenter', [`--net=/proc/${owner.pid}/ns/net`, 'ip', 'link', 'add', 'bridge7', 'type', 'bridge']);
    const script = 'ls /sys/class/net; ip link add bridge8 type bridge 2>&1 && echo added; ip link set lo down 2>&1 && echo down';
    const { stdout } = await runJoined('join-rights', script, owner, { capabilities: Array.from({ length: 41 }, (_, i) => i) });
    expect(stdout).toMatch(/^bridge7\nlo\n.*not permitted\n.*not permitted\n$/);
    await kill('owner-rights', owner);
  });

  test("joins nobody by a process's number alone", async () => {
    const owner = await running('owner-late');
    const later = { ...owner, startTime: owner.startTime + 1 };
    const spec = fixture.spec('join-late', 'true', { network: { kind: 'join', container: 'owner-late' } });
    await expect(fixture.launcher.create('join-late', spec, later)).rejects.toThrow(/network namespace of container `owner-late`.*is gone/);
    await kill('owner-late', owner);
  });

  test('can be entered', async () => {
    const owner = await running('owner-exec');
    const spec = fixture.spec('join-exec', 'exec sleep 1000', { network: { kind: 'join', container: 'owner-exec' } });
    const { init } = await fixture.launcher.create('join-exec', spec, owner);
    await fixture.launcher.start('join-exec');
    expect(execIn(init, 'readlink /proc/self/ns/net; readlink /proc/self/ns/user')).toBe(
      `${namespaceOf(owner.pid, 'net')}\n${namespaceOf(init.pid, 'user')}\n`,
    );
    await kill('join-exec', init);
    await kill('owner-exec', owner);
  });

  test('joins a container that has not been started', async () => {
    const { init, monitor } = await fixture.launcher.create('owner-held', fixture.spec('owner-held', 'true'));
    const { stdout } = await runJoined('join-held', 'readlink /proc/self/ns/net', init);
    expect(stdout).toBe(`${namespaceOf(init.pid, 'net')}\n`);
    await fixture.launcher.start('owner-held');
    await fixture.launcher.waitExit(monitor, AbortSignal.timeout(20_000));
  });
});
