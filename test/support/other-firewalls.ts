/** Others that keep rules on a host: Debian's ufw and firewalld, Docker, and Podman. On a fake host only, with their files in a directory of their own. */
import { type ChildProcess, type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
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
  /** Its own command: `ufw`, `firewall-cmd`, `docker`. Answers what it prints. */
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

export interface Firewalld extends OtherFirewall {
  /** The daemon itself: what it had is gone until it is there again. From then on with that backend (firewalld.conf(5)). */
  restart(backend: 'nftables' | 'iptables'): Promise<void>;
}

/** With its nftables backend at first, and a bus of its own; its default zone refuses what it doesn't know. */
export async function startFirewalld(): Promise<Firewalld> {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-firewalld-'));
  const unmount = emptyRun();
  cpSync('/etc/firewalld', join(directory, 'etc'), { recursive: true });
  // Where programs look that nobody tells (dbus-daemon(1)): /run is this host's own.
  mkdirSync('/run/dbus');
  const socket = '/run/dbus/system_bus_socket';
  const address = `unix:path=${socket}`;
  writeFileSync(join(directory, 'bus.conf'), busConfig(address));
  const env = { ...process.env, LC_ALL: 'C' };
  const begin = (file: string, argv: readonly string[]) => logged(join(directory, 'log'), [file, ...argv], env);
  const bus = begin('dbus-daemon', [`--config-file=${directory}/bus.conf`, '--nofork', '--nopidfile']);
  await until('the bus answers', () => spawnSync('test', ['-S', socket]).status === 0);
  const files = ['--system-config', join(directory, 'etc'), '--log-target=file', `--log-file=${directory}/log`];
  const run = (...argv: readonly string[]) => execFileSync('firewall-cmd', argv, { ...QUIET, env });
  const start = async () => {
    const child = begin('firewalld', ['--nofork', '--nopid', ...files]);
    // What it is asked from then on it answers when it is ready. Its own command takes a third of a second to find that out.
    const owner = ['--system', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetNameOwner'];
    const name = 'string:org.fedoraproject.FirewallD1';
    await until('firewalld runs', () => spawnSync('dbus-send', [...owner, name]).status === 0, { timeoutMs: 20_000 });
    run('--state');
    return child;
  };
  let daemon = await start();
  return {
    run,
    async restart(backend) {
      // It takes its rules with it (CleanupOnExit).
      await end(daemon);
      const config = join(directory, 'etc/firewalld.conf');
      writeFileSync(config, readFileSync(config, 'utf8').replace(/^FirewallBackend=.*$/m, `FirewallBackend=${backend}`));
      daemon = await start();
    },
    async close() {
      await end(daemon);
      await end(bus);
      // Empty tables of ebtables(8), which its iptables backend leaves.
      const listed = execFileSync('nft', ['list', 'tables', 'bridge'], QUIET).split('\n');
      for (const line of listed.filter(Boolean)) execFileSync('nft', ['delete', ...line.split(' ')]);
      unmount();
      rmSync(directory, { recursive: true });
    },
  };
}

export interface Docker extends OtherFirewall {
  /** The daemon: what it has made stays meanwhile. */
  restart(): Promise<void>;
  /** Ends it and takes its bridge away, and with its rules everybody's. */
  end(): Promise<void>;
  start(): Promise<void>;
}

/** It turns forwarding on, and so drops what it doesn't know of in FORWARD. It has an image `busybox`. */
export async function startDocker(): Promise<Docker> {
  // Not below /tmp, which may be a tmpfs: no overlay's upper directory can be there before Linux 6.6.
  const directory = mkdtempSync('/var/tmp/tsstack-docker-');
  const unmount = emptyRun();
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  const argv = ['--data-root', join(directory, 'root'), '--exec-root', '/run/docker', '--pidfile', '/run/docker.pid'];
  const run = (...words: readonly string[]) => execFileSync('docker', words, QUIET);
  let daemon: ChildProcess | undefined;
  const start = async () => {
    daemon = logged(join(directory, 'log'), ['dockerd', ...argv, '--host', 'unix:///run/docker.sock'], process.env);
    await until('dockerd answers', () => run('info'), { timeoutMs: 30_000 });
  };
  const stop = async () => {
    if (daemon) await end(daemon);
    daemon = undefined;
  };
  const forget = async () => {
    if (!daemon) return;
    await stop();
    forgetIptables();
    execFileSync('ip', ['link', 'delete', 'docker0']);
  };
  await start();
  execFileSync('sh', ['-c', 'tar -C /bin -ch busybox | docker import - busybox'], QUIET);
  return {
    run,
    start,
    end: forget,
    async restart() {
      await stop();
      await start();
    },
    async close() {
      await forget();
      unmount();
      rmSync(directory, { recursive: true });
    },
  };
}

/** With netavark, or whatever else this host's podman has by default. It has an image `busybox`. */
export function startPodman(): OtherFirewall {
  const directory = mkdtempSync('/var/tmp/tsstack-podman-');
  // What it writes down of networks and images, whatever it is told.
  const made = mkdirSync('/var/lib/containers', { recursive: true });
  const places = ['/etc/containers', '/etc/cni', '/var/lib/containers'].filter((path) => existsSync(path));
  const unmount = [...places.map((path) => cover(path, directory)), emptyRun()];
  // Not in /dev/shm, which is everybody's (containers.conf(5)).
  const config = join(directory, 'containers.conf');
  writeFileSync(config, '[engine]\nlock_type = "file"\n');
  const env = { ...process.env, CONTAINERS_CONF: config };
  const argv = [
    ...['--root', join(directory, 'root'), '--runroot', '/run/containers', '--storage-driver', 'vfs'],
    // crun knows no host with both versions of cgroups.
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'none', '--runtime', 'runc'],
  ];
  const run = (...words: readonly string[]) => execFileSync('podman', [...argv, ...words], { ...QUIET, env });
  const image = join(directory, 'busybox.tar');
  execFileSync('tar', ['-C', '/bin', '-chf', image, 'busybox'], QUIET);
  run('import', image, 'busybox');
  return {
    run,
    async close() {
      run('rm', '--all', '--force', '--time', '0');
      forgetIptables();
      for (const undo of unmount) undo();
      if (made !== undefined) rmdirSync(made);
      rmSync(directory, { recursive: true });
    },
  };
}

const CHAINS = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};

/** Everything, on a fake host; a table at once, for supervisors make theirs again as soon as it is gone. */
export function forgetIptables(): void {
  const empty = Object.entries(CHAINS).map(([table, chains]) => [
    `*${table}`,
    ...chains.map((chain) => `:${chain} ACCEPT [0:0]`),
    'COMMIT',
  ]);
  const input = `${empty.flat().join('\n')}\n`;
  for (const program of ['iptables-restore', 'ip6tables-restore']) execFileSync(program, { ...QUIET, stdio: 'pipe', input });
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
