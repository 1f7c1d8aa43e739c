/** Runs a command in a running container and keeps the end of what it prints: probes and hooks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { encodeExecOptions } from '../codec/exec-options.ts';
import type { ContainerRecord, ProcessIdentity } from '../model/container.ts';
import { NOT_ASKED, type ProbeResult, TIMED_OUT } from '../supervise/health.ts';
import type { Session } from './session.ts';

export interface InsideOptions {
  readonly argv: readonly string[];
  /** Over the container's own. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Undefined: the container's own, as is `user`. */
  readonly workingDir?: string | undefined;
  readonly user?: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] } | undefined;
  /** ms; then it is killed with all of its group, and the code is 124. */
  readonly timeoutMs: number;
  /** Aborted: it is waited for no more. */
  readonly signal: AbortSignal;
  /** At an abort: send it SIGTERM, or leave it to its timeout, which also ends what a shell has started. */
  readonly onAbort: 'terminate' | 'leave';
}

export interface Inside {
  readonly record: ContainerRecord;
  readonly init: ProcessIdentity;
}

/** Of a command's output, what is kept to explain a failure. Bytes. */
const OUTPUT_KEPT = 4096;
/** For what is still in the pipe when the command has ended. Longer only waits for what it left running, which holds the pipe. */
const REST_MS = 50;
/** The launcher's own timer counts from when it runs, and it is the one that kills. */
const STARTING_MS = 250;

/**
 * Resolves with its exit code and output, at the abort or the timeout with the output so far and code 124, however long the command itself takes
 * to die (in a frozen cgroup, until it is thawed). Rejects when the launcher can't be run.
 */
export function runInside(session: Session, { record, init }: Inside, options: InsideOptions): Promise<ProbeResult> {
  const { signal, onAbort, timeoutMs, ...command } = options;
  const args = encodeExecOptions(record, init, { ...command, timeoutMs, tty: false, interactive: false });
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve({ code: NOT_ASKED, output: '' });
    const child = spawn(session.launcherBinary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = keepEnd(child);
    let rest: NodeJS.Timeout | undefined;
    const finish = (code: number) => {
      clearTimeout(rest);
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      letGo(child);
      resolve({ code, output: output() });
    };
    const abort = () => {
      if (onAbort === 'terminate') child.kill('SIGTERM');
      finish(TIMED_OUT);
    };
    const timer = setTimeout(() => finish(TIMED_OUT), timeoutMs + STARTING_MS);
    signal.addEventListener('abort', abort, { once: true });
    child.once('error', (error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      reject(error);
    });
    child.once('exit', (code) => {
      rest = setTimeout(() => finish(code ?? NOT_ASKED), REST_MS);
    });
    child.once('close', (code) => finish(code ?? NOT_ASKED));
  });
}

function keepEnd({ stdout, stderr }: ChildProcess): () => string {
  let output = Buffer.alloc(0);
  const keep = (chunk: Buffer) => {
    output = Buffer.concat([output, chunk]).subarray(-OUTPUT_KEPT);
  };
  stdout?.on('data', keep);
  stderr?.on('data', keep);
  return () => output.toString('utf8');
}

/** Nothing of it keeps this process alive. Its pipes are closed: what is still running would fill them, and wait. */
function letGo(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}
