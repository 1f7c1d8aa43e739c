/** The answering end of a supervisor's socket. */
import fs from 'node:fs';
import net from 'node:net';
import type { OnEvent } from '../model/events.ts';
import type { CallName, ParamsOf, ResultOf } from './calls.ts';
import { encodeError, encodeEvent, encodeFrame, frameReader, type Request, type Response } from './wire.ts';

/** Bytes. */
const MAX_UNREAD = 16 * 1024 * 1024;
/** How long the last answers may take to be read. ms. */
const UNREAD_MS = 1000;

export interface CallContext {
  /** Aborted when the asker cancels. Not when it goes away: what it asked for is carried out. */
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal;
  /** Aborted when the asker has gone: for what only it would hear. */
  readonly gone: AbortSignal;
  readonly onEvent: OnEvent;
}
/**
 * Thrown by a handler that has not begun and never will: the call is not answered. The asker finds the connection closed, and asks the
 * next supervisor.
 */
export class LeftUnanswered extends Error {}

export type Handlers = { readonly [K in CallName]: (params: ParamsOf<K>, context: CallContext) => Promise<ResultOf<K>> };

export interface ControlServer {
  /** Takes over a connection that was made in another way. */
  serve(socket: net.Socket): void;
  /** Listens no more and takes up no call. Resolves when every call has been answered and every answer is on its way, if it is read. */
  close(): Promise<void>;
  readonly connections: number;
}

/**
 * Listens at `path`, for root alone. What was there is removed: the caller holds the stack's lock. `onIdle` is called whenever a call was answered
 * or somebody has gone.
 */
export async function listenControl(path: string, handlers: Handlers, onIdle: () => void): Promise<ControlServer> {
  const sockets = new Set<net.Socket>();
  let open = 0;
  let closing = false;
  let onAnswered: () => void = () => undefined;
  const calls: Calls = {
    handlers,
    get closed() {
      return closing;
    },
    begun: () => void open++,
    over() {
      open--;
      if (open === 0) onAnswered();
      onIdle();
    },
  };
  const serve = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      onIdle();
    });
    serveConnection(socket, calls);
  };
  const server = net.createServer(serve);
  fs.rmSync(path, { force: true });
  // The mode of a socket is what the umask leaves (unix(7)): nobody else may connect, not even for a moment.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      // It stays: that a connection can't be taken (accept(2), EMFILE) is told here too, and whoever connects finds it closed.
      server.on('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(umask);
  }
  return {
    serve,
    get connections() {
      return sockets.size;
    },
    async close() {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      if (open > 0) {
        await new Promise<void>((resolve) => {
          onAnswered = resolve;
        });
      }
      for (const socket of sockets) socket.end(() => socket.destroy());
      // One that is suspended reads nothing, and doesn't keep its end either from being closed.
      const unread = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, UNREAD_MS);
      await closed;
      clearTimeout(unread);
    },
  };
}

interface Calls {
  readonly handlers: Handlers;
  /** No more are taken up. */
  readonly closed: boolean;
  begun(): void;
  over(): void;
}

function serveConnection(socket: net.Socket, calls: Calls): void {
  const cancels = new Map<number, { readonly abort: AbortController; readonly hurry: AbortController }>();
  const gone = new AbortController();
  const send = (response: Response): void => {
    if (socket.destroyed || !socket.writable) return;
    socket.write(encodeFrame(response));
    // Somebody who listens and doesn't read: what happens is not kept for ever.
    if (socket.writableLength > MAX_UNREAD) socket.destroy();
  };
  const onRequest = (request: Request): void => {
    if ('cancel' in request) {
      cancels.get(request.id)?.[request.cancel].abort();
      return;
    }
    if (calls.closed) return;
    const { id, call, params } = request;
    const cancel = { abort: new AbortController(), hurry: new AbortController() };
    cancels.set(id, cancel);
    calls.begun();
    answer(calls.handlers, call, params, {
      signal: cancel.abort.signal,
      hurry: cancel.hurry.signal,
      gone: gone.signal,
      onEvent: (event) => send({ id, event: encodeEvent(event) }),
    })
      .then(
        (result) => send({ id, result }),
        (error: unknown) => {
          if (!(error instanceof LeftUnanswered)) send({ id, error: encodeError(error) });
        },
      )
      .finally(() => {
        cancels.delete(id);
        calls.over();
      });
  };
  socket.setEncoding('utf8');
  const read = frameReader<Request>(onRequest);
  socket.on('data', (chunk: string) => {
    try {
      read(chunk);
    } catch {
      // Not of this protocol, and nobody to tell it to.
      socket.destroy();
    }
  });
  // `close` follows.
  socket.on('error', () => undefined);
  socket.once('close', () => gone.abort());
}

async function answer(handlers: Handlers, call: string, params: unknown, context: CallContext): Promise<unknown> {
  if (!Object.hasOwn(handlers, call)) throw new Error(`the supervisor knows no call \`${call}\``);
  // One cast where the table is indexed: `params` are what the client's own table says of this call.
  const handler = handlers[call as CallName] as (params: unknown, context: CallContext) => Promise<unknown>;
  return handler(params, context);
}
