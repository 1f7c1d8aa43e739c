import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { observeLinks } from '../../engine/kernel/links.ts';
import { openNetworkNamespaces } from '../../engine/kernel/network-namespaces.ts';
import { withNetns } from '../../native/ffi/netns.ts';
import { openRtnetlink } from '../../native/netlink/connection.ts';
import { currentNetns, missing, newNetns, openFds, type TestNetns } from './netlink-fixture.ts';

describe.skipIf(missing !== undefined)(`network namespaces ${missing ?? ''}`, () => {
  let netns: TestNetns;
  let home: string;
  beforeAll(async () => {
    netns = await newNetns();
    home = currentNetns();
  });
  afterAll(() => netns[Symbol.asyncDispose]());

  test('withNetns is in the other namespace while it lasts and at home after', () => {
    const there = withNetns(netns.path, currentNetns);
    expect(there).not.toBe(home);
    expect(currentNetns()).toBe(home);
  });

  test('withNetns comes home when what it does throws', () => {
    const fds = openFds();
    expect(() =>
      withNetns(netns.path, () => {
        throw new Error(currentNetns());
      }),
    ).toThrow(/^net:/);
    expect(currentNetns()).toBe(home);
    expect(openFds()).toEqual(fds);
  });

  test.each([
    ['/proc/self/ns/nothing', 'ENOENT'],
    ['/proc/self/ns/uts', 'setns failed with EINVAL'],
  ])('withNetns of %s fails at home', (path, reason) => {
    const fds = openFds();
    expect(() => withNetns(path, currentNetns)).toThrow(reason);
    expect(currentNetns()).toBe(home);
    expect(openFds()).toEqual(fds);
  });

  test('a connection opened in a namespace stays there', () => {
    const connection = withNetns(netns.path, openRtnetlink);
    expect(observeLinks(connection).map(({ ifname }) => ifname)).toEqual(netns.ip('link').map(({ ifname }) => ifname));
    connection[Symbol.dispose]();
  });

  test('namespaces are entered once, again for another init, and all left at the end', async () => {
    const fds = openFds();
    const other = await newNetns();
    let pid = netns.pid;
    const namespaces = openNetworkNamespaces(() => pid, netns.path);
    const first = namespaces.container('web-1');
    expect(namespaces.container('web-1')).toBe(first);
    pid = other.pid;
    expect(namespaces.container('web-1')).not.toBe(first);
    expect(() => observeLinks(first)).toThrow('closed');
    expect(namespaces.host).toBe(namespaces.host);
    namespaces[Symbol.dispose]();
    await other[Symbol.asyncDispose]();
    expect(openFds()).toEqual(fds);
  });

  test('a container whose init is gone is named', async () => {
    const other = await newNetns();
    await other[Symbol.asyncDispose]();
    const namespaces = openNetworkNamespaces(() => other.pid);
    expect(() => namespaces.container('web-1')).toThrow(
      `cannot enter the network namespace of container \`web-1\`: process ${other.pid} is gone`,
    );
  });

  test('a process that cannot come home ends', async () => {
    const directory = mkdtempSync(join(import.meta.dirname, '.abort-'));
    try {
      const outfile = join(directory, 'lost.mjs');
      // Closes, inside, every fd that leads home.
      const contents = `
        import { closeSync, readdirSync, readlinkSync } from 'node:fs';
        import { withNetns } from '../../native/ffi/netns.ts';
        const home = readlinkSync('/proc/self/ns/net');
        const leadsHome = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd) === home } catch { return false } };
        try {
          withNetns(process.argv[2], () => readdirSync('/proc/self/fd').filter(leadsHome).forEach((fd) => closeSync(Number(fd))));
        } finally {
          console.log('went on');
        }`;
      const stdin = { contents, resolveDir: import.meta.dirname };
      await build({ stdin, bundle: true, platform: 'node', format: 'esm', external: ['koffi'], outfile, logLevel: 'error' });
      const { signal, stdout, stderr } = spawnSync(process.execPath, [outfile, netns.path], { encoding: 'utf8' });
      expect({ signal, stdout }).toEqual({ signal: 'SIGABRT', stdout: '' });
      expect(stderr).toContain('cannot return to the own network namespace: SyscallError: setns failed with EBADF');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
