/** Stacks on a host where others keep rules as well: one by each driver at a time. Each scenario ends with a world diff: theirs are as they were. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALL, type BothStacks, bothStacks, withBothStacks } from '../support/both-stacks.ts';
import { command, type Outside, outside } from '../support/fake-host.ts';
import { foreignRules, forgetIptables, missing, startDocker, startFirewalld, startPodman, startUfw } from '../support/other-firewalls.ts';
import { answering } from '../support/reachability.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const LONG = { timeout: 120_000 };

let there: Outside;
/** Of all scenarios: their stack files are the same, and compiled once. */
const cache = mkdtempSync(join(tmpdir(), 'tsstack-beside-cache-'));
/** Before all others in the stacks' PATH. */
const bin = mkdtempSync(join(tmpdir(), 'tsstack-beside-bin-'));
const env = { TSSTACK_CACHE_DIR: cache, PATH: `${bin}:${process.env['PATH']}` };
beforeAll(async () => {
  // `up` switches it on and `down` leaves it on; each address then brings a route of its own for its subnet's anycast address.
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  there = await outside();
  there.start(answering.command);
});
afterAll(async () => {
  for (const directory of [cache, bin]) rmSync(directory, { recursive: true });
  await there.close();
});

const both = (...argv: readonly string[]) => {
  for (const program of ['iptables', 'ip6tables']) execFileSync(program, argv);
};

test('a policy of DROP that somebody sets, and a flush by somebody, change nothing', LONG, async () => {
  const body = async (stacks: BothStacks) => {
    both('-P', 'FORWARD', 'DROP');
    await stacks.reaches(ALL);
    both('-F');
    both('-t', 'nat', '-F');
    await stacks.reaches(ALL);
  };
  const end = () => both('-P', 'FORWARD', 'ACCEPT');
  await withProject(bothStacks, (p) => withBothStacks(p, there, body).finally(end), { env });
});

test.skipIf(missing('ufw'))(
  'beside ufw, which drops what comes in and what is routed, containers get out, find names and are reached; what it denies for routed packets is denied',
  LONG,
  () =>
    withAnother(startUfw, async (ufw, withStacks) => {
      const before = foreignRules();
      await withStacks(async (stacks) => {
        await stacks.reaches(ALL);
        expect(foreignRules()).toEqual(before);
        // It disables and enables itself.
        ufw.run('reload');
        await stacks.reaches(ALL);
        expect(foreignRules()).toEqual(before);
        ufw.run('route', 'deny', 'proto', 'tcp', 'from', there.address, 'to', 'any', 'port', '80');
        ufw.run('route', 'deny', 'proto', 'udp', 'from', there.address6, 'to', 'any', 'port', '53');
        await stacks.reaches({ ...ALL, outsideToPublished: ['udp4', 'tcp6'] });
      });
    }),
);

test.skipIf(missing('firewalld', 'firewall-cmd', 'dbus-daemon', 'dbus-send', 'nft'))(
  'beside firewalld, containers get out and find names, also after it was reloaded, restarted, or given its other backend; it forgets their bridges with the stack',
  LONG,
  () =>
    withAnother(startFirewalld, async (firewalld, withStacks) => {
      const trusted = () => firewalld.run('--zone=trusted', '--list-interfaces').split(/\s+/).filter(Boolean).sort();
      await withStacks(async (stacks) => {
        expect(stacks.said).not.toContain('firewalld');
        expect(await stacks.plan()).not.toContain('firewalld');
        await stacks.reaches(ALL);
        expect(trusted()).toEqual(stacks.bridges);
        firewalld.run('--reload');
        await stacks.reaches(ALL);
        // Whatever became of it, the next one is asked.
        const failures = failing('firewall-cmd');
        await firewalld.restart('nftables');
        await until('either stack has asked in vain', () => failures.count() >= 2);
        failures.end();
        for (const backend of ['nftables', 'iptables'] as const) {
          await firewalld.restart(backend);
          await stacks.reaches(ALL);
        }
      });
      expect(trusted()).toEqual([]);
    }),
);

test.skipIf(missing('dockerd', 'docker'))('beside Docker, be it first, restarted or later, containers of both get out', LONG, () =>
  withAnother(startDocker, async (docker, withStacks) => {
    // Ends well if it was connected.
    const getsOut = () => docker.run('run', '--rm', 'busybox', ...saysHello());
    const before = foreignRules();
    expect(before).toContain('iptables-save :FORWARD DROP');
    await withStacks(async (stacks) => {
      await stacks.reaches(ALL);
      expect(foreignRules()).toEqual(before);
      getsOut();
      await docker.restart();
      await stacks.reaches(ALL);
      getsOut();
      await docker.end();
      await stacks.reaches(ALL);
      await docker.start();
      await stacks.reaches(ALL);
      const later = foreignRules();
      await stacks.down();
      expect(foreignRules()).toEqual(later);
    });
  }),
);

test.skipIf(missing('podman', 'runc'))(
  'beside Podman, be its container first, restarted or later, containers of both get out, and what both publish is reached',
  LONG,
  () =>
    withAnother(startPodman, async (podman, withStacks) => {
      const port = 18084;
      const runs = () =>
        podman.run('run', '--detach', '--name', 'page', '--publish', `${port}:80`, 'busybox', '/busybox', 'httpd', '-f', '-p', '80');
      const works = async () => {
        podman.run('exec', 'page', ...saysHello());
        for (const [run, address] of [[there.run, there.hostAddress] as const, [command, '127.0.0.1'] as const]) {
          const asked = async () => (await run(['curl', '-s', '-m', '1', `http://${address}:${port}/`])).stdout;
          await until(`its page answers at ${address}`, asked);
        }
      };
      runs();
      const before = foreignRules();
      await withStacks(async (stacks) => {
        await stacks.reaches(ALL);
        await works();
        expect(foreignRules()).toEqual(before);
        podman.run('restart', '--time', '0', 'page');
        await stacks.reaches(ALL);
        await works();
        podman.run('rm', '--force', '--time', '0', 'page');
        forgetIptables();
        await stacks.reaches(ALL);
        runs();
        await stacks.reaches(ALL);
        await works();
        const later = foreignRules();
        await stacks.down();
        expect(foreignRules()).toEqual(later);
        await works();
      });
    }),
);

/** Has that program fail for the stacks, until `end`. */
function failing(program: string): { count(): number; end(): void } {
  const [file, log] = [join(bin, program), join(bin, 'failures')];
  writeFileSync(file, `#!/bin/sh\necho "$@" >> ${log}; exit 1\n`, { mode: 0o755 });
  return {
    count: () => readFileSync(log, 'utf8').split('\n').length - 1,
    end: () => rmSync(file),
  };
}

/** argv in a busybox: fails unless the machine outside is reached. */
function saysHello(): readonly string[] {
  return ['/busybox', 'nc', '-w', '2', there.address, '80', '-e', '/busybox', 'true'];
}

type WithStacks = (body: (stacks: BothStacks) => Promise<void>) => Promise<void>;

/** In a project that begins and ends without it. */
async function withAnother<T extends { close(): Promise<void> }>(
  start: () => T | Promise<T>,
  body: (another: T, withStacks: WithStacks) => Promise<void>,
): Promise<void> {
  const within = async (p: Project) => {
    const another = await start();
    try {
      await body(another, (use) => withBothStacks(p, there, use));
    } finally {
      await another.close();
    }
  };
  await withProject(bothStacks, within, { timeoutMs: 90_000, env });
}
