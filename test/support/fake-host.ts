/**
 * What is around the fake host: another machine on its wire. The fake host itself is made by scripts/fake-host.sh, before the test runner starts.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { patience } from './patience.ts';
import { until } from './until.ts';

/** A machine in a network namespace of its own, behind a veth. Addresses of RFC 5737 and RFC 3849: nobody routes them. */
export interface Outside {
  /** Its own, e.g. 198.51.100.2. */
  readonly address: string;
  /** The fake host's on that wire, e.g. 198.51.100.1. */
  readonly hostAddress: string;
  /** The same two in IPv6, e.g. 2001:db8:0:1::2 and …::1. */
  readonly address6: string;
  readonly hostAddress6: string;
  /** Runs a command there; its exit code and output. */
  /** Has it send what is for 127.0.0.1 through the fake host, too, as an attacker on the same wire can (CVE-2020-8558). */
  routeLoopback(): void;
  /** Has it send what is for a CIDR through the fake host. */
  route(cidr: string): void;
  run(argv: readonly string[], options?: { readonly timeoutMs?: number }): Promise<CommandResult>;
  /** Starts one that goes on until `close`. */
  start(argv: readonly string[]): ChildProcess;
  close(): Promise<void>;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let made = 0;

/** The fake host's default route leads to it, as to the internet. One at a time has the default route. */
export async function outside(): Promise<Outside> {
  const ifname = `outside${++made}`;
  // A /30 each: network, the fake host, the machine outside, broadcast.
  const at = (host: number) => `198.51.100.${((made * 4) % 256) + host}`;
  const at6 = (host: number) => `2001:db8:0:${made.toString(16)}::${host}`;
  const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
  await once(holder, 'spawn');
  const pid = holder.pid;
  if (pid === undefined) throw new Error('`unshare` has no pid');
  const enter = ['-t', `${pid}`, '-n', '--'];
  const ip = (...argv: readonly string[]) => execFileSync('ip', argv);
  const ipThere = (...argv: readonly string[]) => execFileSync('nsenter', [...enter, 'ip', ...argv]);

  await until('the namespace outside is a new one', () => execFileSync('readlink', [`/proc/${pid}/ns/net`]).compare(ownNetns()) !== 0);
  ip('link', 'add', ifname, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`);
  ip('address', 'add', `${at(1)}/30`, 'dev', ifname);
  // No link-local address: it would turn up in the middle of a world diff, when its duplicate detection is done.
  ip('link', 'set', ifname, 'addrgenmode', 'none', 'up');
  ip('address', 'add', `${at6(1)}/64`, 'dev', ifname, 'nodad');
  ipThere('address', 'add', `${at(2)}/30`, 'dev', 'eth0');
  ipThere('link', 'set', 'eth0', 'addrgenmode', 'none', 'up');
  ipThere('address', 'add', `${at6(2)}/64`, 'dev', 'eth0', 'nodad');
  ipThere('link', 'set', 'lo', 'up');
  ip('route', 'replace', 'default', 'via', at(2), 'dev', ifname);
  ip('-6', 'route', 'replace', 'default', 'via', at6(2), 'dev', ifname);

  const started: ChildProcess[] = [];
  return {
    address: at(2),
    hostAddress: at(1),
    address6: at6(2),
    hostAddress6: at6(1),
    routeLoopback: () => {
      execFileSync('nsenter', [...enter, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet']);
      ipThere('address', 'delete', '127.0.0.1/8', 'dev', 'lo');
      ipThere('route', 'replace', '127.0.0.1/32', 'via', at(1), 'dev', 'eth0', 'src', at(2));
    },
    route: (cidr) => {
      ipThere('route', 'replace', cidr, 'via', cidr.includes(':') ? at6(1) : at(1));
    },
    run: (argv, options) => command(['nsenter', ...enter, ...argv], options),
    start: (argv) => {
      const child = spawn('nsenter', [...enter, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
      started.push(child);
      return child;
    },
    close: async () => {
      // The veth goes with its namespace; deleting it here first makes that certain now, not some time later.
      ip('link', 'delete', ifname);
      await Promise.all([...started, holder].map(endOf));
    },
  };
}

/** Runs a command to its end. Killed after `timeoutMs` (default 10 s). */
export function command(
  [file = '', ...argv]: readonly string[],
  options: { readonly timeoutMs?: number; readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
    const deadline = setTimeout(
      () => {
        child.kill('SIGKILL');
        reject(new Error(`\`${[file, ...argv].join(' ')}\` did not end; so far:\n${stdout}\n${stderr}`));
      },
      (options.timeoutMs ?? 10_000) * patience,
    );
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // A command that reads nothing may be gone before its input is written: its exit code tells, EPIPE does not.
    child.stdin.on('error', (error: NodeJS.ErrnoException) => error.code === 'EPIPE' || reject(error));
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), stdout, stderr });
    });
  });
}

function ownNetns(): Buffer {
  return execFileSync('readlink', ['/proc/self/ns/net']);
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
