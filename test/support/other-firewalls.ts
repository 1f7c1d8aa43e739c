/** Others that keep rules on a host: Debian's ufw and firewalld, and Docker. On a fake host only, with their files in a directory of their own. */
import { type ChildProcess, type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

const QUIET: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };

/** What of these isn't installed: for a skip's message. Undefined: all is there. */
export function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  return absent.length === 0 ? undefined : `\`${absent.join('`, `')}\` not installed`;
}

/** Rules, chains and policies of iptables and ip6tables that aren't a stack's of ours, without their counters. */
export function foreignRules(): readonly string[] {
  return ['iptables-save', 'ip6tables-save'].flatMap((program) =>
    execFileSync(program, { encoding: 'utf8' })
      .split('\n')
      .filter((line) => /^(-A|:)/.test(line) && !line.includes('TS-') && !/^:\S+ ACCEPT/.test(line))
      .map((line) => `${program} ${line.replace(/ \[\d+:\d+\]$/, '')}`),
  );
}

export interface OtherFirewall {
  /** Its own command: `ufw`, `firewall-cmd`. Answers what it prints. */
  run(...argv: readonly string[]): string;
  close(): Promise<void>;
}

/** Enabled, as it comes: what comes in is dropped, and what is routed. */
export function startUfw(): OtherFirewall {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-ufw-'));
  const unmount = [cover('/etc/ufw', directory), cover('/etc/default', directory), emptyRun()];
  const run = (...argv: readonly string[]) => execFileSync('ufw', argv, { ...QUIET, env: { ...process.env, LC_ALL: 'C' } });
  run('--force', 'enable');
  // Rules of IPv6 that it writes down while it is enabled for the first time are there from the second time on.
  run('reload');
  return {
    run,
    async close() {
      run('disable');
      forgetIptables();
      for (const undo of unmount) undo();
      rmSync(directory, { recursive: true });
    },
  };
}

/** With its nftables backend, and a bus of its own; its default zone refuses what it doesn't know. */
export async function startFirewalld(): Promise<OtherFirewall> {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-firewalld-'));
  const unmount = emptyRun();
  cpSync('/etc/firewalld', join(directory, 'etc'), { recursive: true });
  // Where programs look that nobody tells (dbus-daemon(1)): /run is this host's own.
  mkdirSync('/run/dbus');
  const socket = '/run/dbus/system_bus_socket';
  const address = `unix:path=${socket}`;
  writeFileSync(join(directory, 'bus.conf'), busConfig(address));
  const env = { ...process.env, LC_ALL: 'C' };
  const start = (file: string, argv: readonly string[]) => logged(join(directory, 'log'), [file, ...argv], env);
  const bus = start('dbus-daemon', [`--config-file=${directory}/bus.conf`, '--nofork', '--nopidfile']);
  await until('the bus answers', () => spawnSync('test', ['-S', socket]).status === 0);
  const files = ['--system-config', join(directory, 'etc'), '--log-target=file', `--log-file=${directory}/log`];
  const daemon = start('firewalld', ['--nofork', '--nopid', ...files]);
  const run = (...argv: readonly string[]) => execFileSync('firewall-cmd', argv, { ...QUIET, env });
  await until('firewalld runs', () => run('--state'), { timeoutMs: 20_000 });
  return {
    run,
    async close() {
      // It takes its table with it (CleanupOnExit).
      await end(daemon);
      await end(bus);
      unmount();
      rmSync(directory, { recursive: true });
    },
  };
}

export interface Docker {
  /** `docker …`. Answers what it prints. */
  run(...argv: readonly string[]): string;
  restart(): Promise<void>;
  /** Ends it and takes its rules and its bridge away. */
  close(): Promise<void>;
}

/** It turns forwarding on, and so drops what it doesn't know of in FORWARD. It has an image `busybox`. */
export async function startDocker(): Promise<Docker> {
  // Not below /tmp, which may be a tmpfs: no overlay's upper directory can be there before Linux 6.6.
  const directory = mkdtempSync('/var/tmp/tsstack-docker-');
  const unmount = emptyRun();
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  const argv = ['--data-root', join(directory, 'root'), '--exec-root', '/run/docker', '--pidfile', '/run/docker.pid'];
  const run = (...words: readonly string[]) => execFileSync('docker', words, QUIET);
  const start = async () => {
    const child = logged(join(directory, 'log'), ['dockerd', ...argv, '--host', 'unix:///run/docker.sock'], process.env);
    await until('dockerd answers', () => run('info'), { timeoutMs: 30_000 });
    return child;
  };
  let daemon = await start();
  execFileSync('sh', ['-c', 'tar -C /bin -ch busybox | docker import - busybox'], QUIET);
  return {
    run,
    async restart() {
      await end(daemon);
      daemon = await start();
    },
    async close() {
      await end(daemon);
      forgetIptables();
      execFileSync('ip', ['link', 'delete', 'docker0']);
      unmount();
      rmSync(directory, { recursive: true });
    },
  };
}

/** Everything: on a fake host nobody else has any. */
export function forgetIptables(): void {
  for (const program of ['iptables', 'ip6tables'])
    for (const table of ['filter', 'nat', 'mangle', 'raw']) {
      for (const word of ['-F', '-X']) execFileSync(program, ['-t', table, word], QUIET);
      if (table === 'filter') for (const chain of ['INPUT', 'FORWARD', 'OUTPUT']) execFileSync(program, ['-P', chain, 'ACCEPT'], QUIET);
    }
}

/** Puts a copy in the place of a directory, in this mount namespace. */
function cover(path: string, directory: string): () => void {
  const copy = join(directory, path.replaceAll('/', '-'));
  execFileSync('cp', ['-a', path, copy]);
  execFileSync('mount', ['--bind', copy, path]);
  return () => execFileSync('umount', [path]);
}

/** Their sockets and locks are there, and shims of containers. */
function emptyRun(): () => void {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  return () => execFileSync('umount', ['--lazy', '/run']);
}

/** Everybody may say everything (dbus-daemon(1)). */
function busConfig(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>${address}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`;
}

function logged(file: string, [program = '', ...argv]: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const log = openSync(file, 'a');
  try {
    return spawn(program, argv, { env, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
