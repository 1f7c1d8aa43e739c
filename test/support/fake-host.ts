/**
 * What is around the fake host: another machine on its wire. The fake host itself is made by scripts/fake-host.sh, before the test runner starts.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { patience } from './patience.ts';
import { until } from './until.ts';

/** A machine in a network namespace of its own, behind a veth. RFC 5737 addresses: nobody routes them. */
export interface Outside {
  /** Its own, e.g. 198.51.100.2. */
  readonly address: string;
  /** The fake host's on that wire, e.g. 198.51.100.1. */
  readonly hostAddress: string;
  /** Runs a command there; its exit code and output. */
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
  // No IPv6: its address would turn up in the middle of a world diff, when its duplicate detection is done.
  ip('link', 'set', ifname, 'addrgenmode', 'none', 'up');
  ipThere('address', 'add', `${at(2)}/30`, 'dev', 'eth0');
  ipThere('link', 'set', 'eth0', 'addrgenmode', 'none', 'up');
  ipThere('link', 'set', 'lo', 'up');
  ip('route', 'replace', 'default', 'via', at(2), 'dev', ifname);

  const started: ChildProcess[] = [];
  return {
    address: at(2),
    hostAddress: at(1),
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
