/** The asking end of a supervisor's socket. */
import net from 'node:net';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { CallName, ParamsOf, ResultOf } from './calls.ts';
import { decodeError, decodeEvent, encodeFrame, frameReader, type Response } from './wire.ts';

export interface CallOptions {
  /** Aborted: the supervisor is told, and its answer waited for. */
  readonly signal?: AbortSignal | undefined;
  readonly hurry?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
}

export interface ControlConnection extends Disposable {
  /** Rejects with the supervisor's error, or `gone` if it ended before it answered. */
  call<K extends CallName>(name: K, params: ParamsOf<K>, options?: CallOptions): Promise<ResultOf<K>>;
  /** Resolves when the other end has closed. */
  readonly closed: Promise<void>;
}

/** Undefined: nobody listens there. */
export function connectControl(path: string): Promise<ControlConnection | undefined> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY.has(error.code)) resolve(undefined);
      else reject(error);
    });
    socket.once('connect', () => resolve(controlConnection(socket)));
  });
}

/** No socket, one whose listener is gone, and one whose listener went just now, before it took the connection (unix_release_sock in net/unix/af_unix.c). */
const NOBODY: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET']);

/** A supervisor that ended before it answered. Nothing is lost by it: the next command goes on. */
export class SupervisorGone extends TsstackError {
  /** Whether it had begun with what it was asked for. */
  readonly begun: boolean;
  constructor(begun: boolean) {
    super('the supervisor ended before it had answered', {
      code: 'launch',
      hint: 'containers go on without it; the same command starts another one, which goes on where it stopped',
    });
    this.begun = begun;
  }
}

interface Pending {
  readonly onFrame: (frame: Response) => void;
  readonly onGone: () => void;
}

export function controlConnection(socket: net.Socket): ControlConnection {
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let gone = false;
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      gone = true;
      for (const { onGone } of pending.values()) onGone();
      pending.clear();
      resolve();
    });
  });
  // `close` follows, and tells everybody who waits.
  socket.on('error', () => undefined);
  socket.setEncoding('utf8');
  socket.on(
    'data',
    frameReader<Response>((frame) => pending.get(frame.id)?.onFrame(frame)),
  );
  return {
    closed,
    call(name, params, { signal, hurry, onEvent } = {}) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        if (gone) return reject(new SupervisorGone(false));
        let begun = false;
        const abort = () => socket.write(encodeFrame({ id, cancel: 'abort' }));
        const hasten = () => socket.write(encodeFrame({ id, cancel: 'hurry' }));
        const settle = (how: () => void) => {
          pending.delete(id);
          signal?.removeEventListener('abort', abort);
          hurry?.removeEventListener('abort', hasten);
          how();
        };
        pending.set(id, {
          onFrame(frame) {
            begun = true;
            if ('event' in frame) onEvent?.(decodeEvent(frame.event));
            else if ('error' in frame) settle(() => reject(decodeError(frame.error)));
            else settle(() => resolve(frame.result as ResultOf<typeof name>));
          },
          onGone: () => settle(() => reject(new SupervisorGone(begun))),
        });
        socket.write(encodeFrame({ id, call: name, params }));
        for (const [given, tell] of [
          [signal, abort],
          [hurry, hasten],
        ] as const) {
          if (given?.aborted) tell();
          else given?.addEventListener('abort', tell, { once: true });
        }
      });
    },
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}
