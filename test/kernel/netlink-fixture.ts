import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { getuid } from 'node:process';

/** Undefined: kernel tests can run. Else what is missing. */
export const missing: string | undefined = getuid?.() === 0 ? undefined : 'needs root';

/** A network namespace held by one idle process, with `lo` up. It ends with `dispose`, and all links in it. */
export interface TestNetns extends AsyncDisposable {
  readonly pid: number;
  readonly path: string;
  /** The second witness: what `ip -j` says in there. */
  ip(...args: readonly string[]): readonly IpRecord[];
}

export interface IpRecord {
  readonly ifname?: string;
  readonly [key: string]: unknown;
}

export async function newNetns(): Promise<TestNetns> {
  // cat ends when its input does, so also with a test process that is killed.
  const child = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo ready && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('unshare could not be started');
  // Not `exit`: only after this is the pipe from it closed too.
  const ended = once(child, 'close');
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => {
      throw new Error('unshare --net failed');
    }),
  ]);
  return {
    pid,
    path: `/proc/${pid}/ns/net`,
    ip: (...args) => {
      const text = execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', '-j', ...args], { encoding: 'utf8', stdio: 'pipe' });
      return text === '' ? [] : JSON.parse(text);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The network namespace this thread is in. */
export function currentNetns(): string {
  return readlinkSync('/proc/thread-self/ns/net');
}

/** Sockets and namespaces that this process has open. */
export function openFds(): readonly string[] {
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of this very listing
    }
  });
  return targets.filter((target) => /^(socket|net):/.test(target)).sort();
}
