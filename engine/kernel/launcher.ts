import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { launchError } from '../codec/launch-failure.ts';
import { encodeLaunchOptions } from '../codec/launch-options.ts';
import { decodeFrames, encodeFrame } from '../codec/launcher-frames.ts';
import type { ProcessIdentity } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { LaunchSpec } from '../model/launch.ts';

/** The native process that forks containers. When it ends, running containers go on; those never started are undone. */
export interface Launcher extends AsyncDisposable {
  /**
   * Resolves when the container's init exists and waits, with all namespaces made. Its root file system is built meanwhile.
   * @throws TsstackError `launch`: what could not be done; nothing is left then.
   */
  create(name: string, spec: LaunchSpec): Promise<CreatedContainer>;
  /**
   * Lets the init of a created container go on; resolves when its command has been exec'ed.
   * @throws TsstackError `launch`: the container has ended then, and its status says so too.
   */
  start(name: string): Promise<{ readonly warnings: readonly string[] }>;
  /** Sends a signal (its number) to exactly that process. False: it is gone. */
  signal(process: ProcessIdentity, signal: number): Promise<boolean>;
  /** Resolves when exactly that process has ended, at once if it has. Rejects with the signal's reason. */
  waitExit(process: ProcessIdentity, signal: AbortSignal): Promise<void>;
}

export interface CreatedContainer {
  readonly monitor: ProcessIdentity;
  readonly init: ProcessIdentity;
  readonly warnings: readonly string[];
}

/** Spawns at once, usable at once. `stageDirectory`: an empty directory, used only inside the launcher's own mount namespaces. */
export function startLauncher(options: { readonly binary: string; readonly stageDirectory: string }): Launcher {
  const connection = connect(options);
  const monitors = new Map<string, number>();
  return {
    async create(name, spec) {
      const answer = await connection.request('create', encodeLaunchOptions(spec));
      if (!answer.ok) throw launchError('create', name, failureOf(answer.strings));
      const [monitorPid, monitorStart, initPid, initStart, ...warnings] = answer.strings;
      const monitor = { pid: Number(monitorPid), startTime: Number(monitorStart) };
      monitors.set(name, monitor.pid);
      return { monitor, init: { pid: Number(initPid), startTime: Number(initStart) }, warnings };
    },
    async start(name) {
      const pid = monitors.get(name);
      if (pid === undefined) throw new TsstackError(`cannot start container \`${name}\`: it was not created here`, { code: 'launch' });
      monitors.delete(name);
      const answer = await connection.request('start', [String(pid)]);
      if (!answer.ok) throw launchError('start', name, failureOf(answer.strings));
      return { warnings: answer.strings };
    },
    async signal(process, signal) {
      const answer = await connection.request('signal', [...identity(process), String(signal)]);
      if (answer.ok) return true;
      const failure = failureOf(answer.strings);
      if (failure.errno === ESRCH) return false;
      throw new TsstackError(
        `cannot send signal ${signal} to process ${process.pid}: ${failure.stage} failed with errno ${failure.errno}`,
        {
          code: 'kernel',
        },
      );
    },
    async waitExit(process, signal) {
      signal.throwIfAborted();
      const answer = await connection.request('watch', identity(process), signal);
      if (!answer.ok) throw new TsstackError(`cannot wait for process ${process.pid}: ${answer.strings.join(' ')}`, { code: 'kernel' });
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

const ESRCH = 3;
/** So many requests go out at once, without waiting for the end of the turn: the launcher works on them while this thread prepares the next. */
const BATCH = 4;

interface Answer {
  readonly ok: boolean;
  readonly strings: readonly string[];
}

interface Connection {
  request(verb: string, strings: readonly string[], signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * INVARIANTS. A pending request keeps Node alive, nothing else here does. Every request is answered, or rejected when the
 * launcher is gone. Requests made in one turn go out in few writes.
 */
function connect({ binary, stageDirectory }: { readonly binary: string; readonly stageDirectory: string }): Connection {
  // An empty environment: monitors live long, and /proc/<pid>/environ would show the user's.
  const child = spawn(binary, ['serve', '--stage', stageDirectory], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: {} });
  const socket = child.stdio[3] as Socket;
  const pending = new Map<string, Pending>();
  let nextId = 1;
  let gone: TsstackError | undefined;
  let outgoing: Buffer[] = [];
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });

  const keepAlive = (): void => {
    for (const handle of [child, socket]) pending.size > 0 ? handle.ref() : handle.unref();
  };
  const send = (strings: readonly string[]): void => {
    if (outgoing.length === 0) process.nextTick(flush);
    outgoing.push(encodeFrame(strings));
    if (outgoing.length >= BATCH) flush();
  };
  const flush = (): void => {
    const batch = Buffer.concat(outgoing);
    outgoing = [];
    if (batch.length > 0 && !socket.destroyed) socket.write(batch);
  };
  const fail = (why: string, cause?: unknown): void => {
    gone ??= new TsstackError(`cannot talk to the launcher \`${binary}\`: ${why}`, { code: 'launch', hint: HINT, cause });
    for (const { reject } of pending.values()) reject(gone);
    pending.clear();
    keepAlive();
  };

  child.once('error', (error) => fail(error.message, error));
  child.once('exit', (code, signal) => fail(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`));
  // Its end is told by `exit`; a write that came too late has nothing to add.
  socket.on('error', () => undefined);
  receive(socket, ([verb, id = '', ...strings]) => {
    const request = pending.get(id);
    pending.delete(id);
    keepAlive();
    request?.resolve({ ok: verb === 'ok', strings });
  });
  keepAlive();

  return {
    request(verb, strings, signal) {
      if (gone !== undefined) return Promise.reject(gone);
      const id = String(nextId++);
      return new Promise<Answer>((resolve, reject) => {
        const onAbort = (): void => {
          pending.delete(id);
          send([String(nextId++), 'unwatch', id]);
          keepAlive();
          reject(signal?.reason);
        };
        send([id, verb, ...strings]);
        const settled = <T>(settle: (value: T) => void) => {
          return (value: T): void => {
            signal?.removeEventListener('abort', onAbort);
            settle(value);
          };
        };
        pending.set(id, { resolve: settled(resolve), reject: settled(reject) });
        signal?.addEventListener('abort', onAbort, { once: true });
        keepAlive();
      });
    },
    async close() {
      fail('it was told to end');
      child.ref();
      socket.end();
      await exited;
    },
  };
}

const HINT = 'build it with `make -C native/launcher`, and see `tsstack doctor`';

function receive(socket: Socket, onFrame: (strings: readonly string[]) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const decoded = decodeFrames(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
    rest = decoded.rest;
    for (const frame of decoded.frames) onFrame(frame);
  });
}

function identity(process: ProcessIdentity): readonly string[] {
  return [String(process.pid), String(process.startTime)];
}

function failureOf([stage = 'launcher', errno = '0', detail = '']: readonly string[]): { stage: string; errno: number; detail: string } {
  return { stage, errno: Number(errno), detail };
}
