import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KernelEvent } from '../../engine/model/kernel-events.ts';
import { type Fixture, openFixture } from './launcher-fixture.ts';

let fixture: Fixture;
let rules: number;
let changed: (event: KernelEvent) => void;

beforeEach(async () => {
  fixture = openFixture();
  rules = 0;
  changed = () => undefined;
  await fixture.launcher.subscribe((event) => {
    if (event.kind === 'rules') rules++;
    changed(event);
  });
});
afterEach(async () => {
  run('iptables-legacy -F; iptables-legacy -t nat -F; iptables-legacy -X; ip6tables-legacy -F; ip6tables-legacy -t nat -F');
  await fixture.close();
});

const run = (command: string): string => execFileSync('sh', ['-ec', command], { encoding: 'utf8' });

/** Resolves at the next event of that kind. */
function next(kind: KernelEvent['kind']): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`no event \`${kind}\``)), 10_000);
    changed = (event) => {
      if (event.kind !== kind) return;
      clearTimeout(deadline);
      resolve();
    };
  });
}

/** What the launcher's descriptors are of. */
function descriptors(): string[] {
  const directory = `/proc/${fixture.launcherPid()}/fd`;
  return readdirSync(directory).map((fd) => readlinkSync(join(directory, fd)));
}

async function toldOf(command: string): Promise<void> {
  const told = next('rules');
  run(command);
  await told;
}

test('rules of the legacy tables that come and go are told, and chains, whoever made them', async () => {
  await fixture.launcher.watchTables(['filter', 'nat']);
  await toldOf('iptables-legacy -A FORWARD -s 192.0.2.1 -j ACCEPT');
  await toldOf('iptables-legacy -N OTHER');
  await toldOf('iptables-legacy -t nat -A OUTPUT -d 192.0.2.1 -j ACCEPT');
  await toldOf('iptables-legacy -F');
  await toldOf('iptables-legacy -t nat -F');
});

test('rules of ip6tables are told as well, and apart from those of IPv4', async () => {
  await fixture.launcher.watchTables(['filter6', 'nat6']);
  run('iptables-legacy -A FORWARD -s 192.0.2.1 -j ACCEPT');
  await toldOf('ip6tables-legacy -A FORWARD -s 2001:db8::1 -j ACCEPT');
  await toldOf('ip6tables-legacy -t nat -A OUTPUT -d 2001:db8::1 -j ACCEPT');
  await toldOf('ip6tables-legacy -F');
  expect(rules).toBe(3);
});

test('a rule that goes from one chain to another is told, though there are as many as before', async () => {
  run('iptables-legacy -A FORWARD -s 192.0.2.1 -j ACCEPT');
  await fixture.launcher.watchTables(['filter']);
  await toldOf(
    "printf '*filter\\n:INPUT ACCEPT\\n:FORWARD ACCEPT\\n-A INPUT -s 192.0.2.1 -j ACCEPT\\nCOMMIT\\n' | iptables-legacy-restore",
  );
});

test('a change is told once, and what was there before never', async () => {
  run('iptables-legacy -A FORWARD -s 192.0.2.1 -j ACCEPT');
  await fixture.launcher.watchTables(['filter']);
  await toldOf('iptables-legacy -A FORWARD -s 192.0.2.2 -j ACCEPT');
  await toldOf('iptables-legacy -A FORWARD -s 192.0.2.3 -j ACCEPT');
  expect(rules).toBe(2);
});

test('only the tables that are watched are looked at, from the last call on', async () => {
  await fixture.launcher.watchTables(['filter']);
  await fixture.launcher.watchTables(['nat']);
  run('iptables-legacy -A FORWARD -s 192.0.2.1 -j ACCEPT');
  await toldOf('iptables-legacy -t nat -A OUTPUT -d 192.0.2.1 -j ACCEPT');
  expect(rules).toBe(1);
});

test('nothing is looked at unless it is asked for, nor when it is no more', async () => {
  const before = descriptors();
  await fixture.launcher.watchTables(['filter']);
  // A timer, and the socket that asks.
  expect(descriptors().length).toBe(before.length + 2);
  await fixture.launcher.watchTables([]);
  expect(descriptors()).toEqual(before);
});

test('a table that there is not is an error', async () => {
  // As a table's name is not checked here.
  const names = ['filter', 'weather'] as unknown as Parameters<Fixture['launcher']['watchTables']>[0];
  await expect(fixture.launcher.watchTables(names)).rejects.toThrow(
    /^cannot listen to kernel events of the legacy firewall: weather failed with errno \d+$/,
  );
});
