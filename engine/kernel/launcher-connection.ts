import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { decodeFrames, encodeFrame } from '../codec/launcher-frames.ts';
import { TsstackError } from '../model/errors.ts';

export interface Answer {
  readonly ok: boolean;
  readonly strings: readonly string[];
}

export interface LauncherConnection {
  request(verb: string, strings: readonly string[], signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
  /** Resolves with the reason when no more answers and events can come. */
  readonly ended: Promise<TsstackError>;
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface LauncherOptions {
  readonly binary: string;
  readonly stageDirectory: string;
  /** The words of a frame `event …`, without that one. */
  readonly onEvent: (words: readonly string[]) => void;
}

/** So many requests go out at once, without waiting for the end of the turn: the launcher works on them while this thread prepares the next. */
const BATCH = 4;

/**
 * INVARIANTS. A pending request keeps Node alive, nothing else here does. Every request is answered, or rejected when the
 * launcher is gone. Requests made in one turn go out in few writes. Events come in order, and before the answers that follow them.
 */
export function connectLauncher({ binary, stageDirectory, onEvent }: LauncherOptions): LauncherConnection {
  // An empty environment: monitors live long, and /proc/<pid>/environ would show the user's.
  const child = spawn(binary, ['serve', '--stage', stageDirectory], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: {} });
  const socket = child.stdio[3] as Socket;
  const pending = new Map<string, Pending>();
  let nextId = 1;
  let gone: TsstackError | undefined;
  let tellEnd: (reason: TsstackError) => void = () => undefined;
  const ended = new Promise<TsstackError>((resolve) => {
    tellEnd = resolve;
  });
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
    tellEnd(gone);
  };

  child.once('error', (error) => fail(error.message, error));
  child.once('exit', (code, signal) => fail(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`));
  // Its end is told by `exit`; a write that came too late has nothing to add.
  socket.on('error', () => undefined);
  receive(socket, ([verb, id = '', ...strings]) => {
    if (verb === 'event') {
      onEvent([id, ...strings]);
      return;
    }
    const request = pending.get(id);
    pending.delete(id);
    keepAlive();
    request?.resolve({ ok: verb === 'ok', strings });
  });
  keepAlive();

  return {
    ended,
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
