/** The answering end of a supervisor's socket. */
import fs from 'node:fs';
import net from 'node:net';
import type { OnEvent } from '../model/events.ts';
import type { CallName, ParamsOf, ResultOf } from './calls.ts';
import { encodeError, encodeEvent, encodeFrame, frameReader, type Request, type Response } from './wire.ts';

/** Bytes. */
const MAX_UNREAD = 16 * 1024 * 1024;

export interface CallContext {
  /** Aborted when the asker cancels. Not when it goes away: what it asked for is carried out. */
  readonly signal: AbortSignal;
  readonly hurry: AbortSignal;
  /** Aborted when the asker has gone: for what only it would hear. */
  readonly gone: AbortSignal;
  readonly onEvent: OnEvent;
}
export type Handlers = { readonly [K in CallName]: (params: ParamsOf<K>, context: CallContext) => Promise<ResultOf<K>> };

export interface ControlServer {
  /** Takes over a connection that was made in another way. */
  serve(socket: net.Socket): void;
  /** Listens no more. Resolves when every call has been answered and every answer is on its way. */
  close(): Promise<void>;
  /** Calls that haven't been answered. */
  readonly open: number;
  readonly connections: number;
}

/** Listens at `path`, for root alone. What was there is removed: the caller holds the stack's lock. */
export async function listenControl(path: string, handlers: Handlers, onIdle: () => void): Promise<ControlServer> {
  const sockets = new Set<net.Socket>();
  let open = 0;
  let onAnswered: () => void = () => undefined;
  const count = (change: 1 | -1): void => {
    open += change;
    if (open > 0) return;
    onAnswered();
    onIdle();
  };
  const serve = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      onIdle();
    });
    serveConnection(socket, handlers, count);
  };
  const server = net.createServer(serve);
  fs.rmSync(path, { force: true });
  // The mode of a socket is what the umask leaves (unix(7)): nobody else may connect, not even for a moment.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(umask);
  }
  return {
    serve,
    get open() {
      return open;
    },
    get connections() {
      return sockets.size;
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      if (open > 0) {
        await new Promise<void>((resolve) => {
          onAnswered = resolve;
        });
      }
      for (const socket of sockets) socket.end();
      await closed;
    },
  };
}

function serveConnection(socket: net.Socket, handlers: Handlers, count: (change: 1 | -1) => void): void {
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
    const { id, call, params } = request;
    const cancel = { abort: new AbortController(), hurry: new AbortController() };
    cancels.set(id, cancel);
    count(1);
    answer(handlers, call, params, {
      signal: cancel.abort.signal,
      hurry: cancel.hurry.signal,
      gone: gone.signal,
      onEvent: (event) => send({ id, event: encodeEvent(event) }),
    })
      .then(
        (result) => send({ id, result }),
        (error: unknown) => send({ id, error: encodeError(error) }),
      )
      .finally(() => {
        cancels.delete(id);
        count(-1);
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
