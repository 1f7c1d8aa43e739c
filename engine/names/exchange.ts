/** One question to one server of others, and its answer. */
import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { frame, readFrames } from './frames.ts';
import { isAnswerTo, type Query } from './query.ts';

export interface Exchange {
  /** With an id of its own, which is that of `query`. */
  readonly packet: Buffer;
  readonly query: Pick<Query, 'id' | 'question'>;
  /** IPv4 or IPv6; asked on port 53. */
  readonly server: string;
  /** Rejects with its reason: nobody has answered in time. */
  readonly signal: AbortSignal;
}

/**
 * A socket of its own, connected: the kernel gives it a random port, takes answers from nobody else (RFC 5452, 4.5 and 9.2), and says at
 * once that there is no way to the server, or nobody on its port. What answers another question is left aside.
 */
export function exchangeOverUdp({ packet, query, server, signal }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    let isOver = false;
    const over = (how: () => void): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', onAbort);
      socket.close();
      how();
    };
    const onAbort = (): void => over(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => over(() => reject(error)));
    socket.on('message', (reply) => {
      if (isAnswerTo(reply, query)) over(() => resolve(reply));
    });
    // Its types don't know it: the callback is also told that it failed, for want of a route say.
    const onConnect = (failure?: Error): void => {
      if (isOver) return;
      if (failure) over(() => reject(failure));
      else socket.send(packet, (error) => error && over(() => reject(error)));
    };
    socket.connect(PORT, server, onConnect);
  });
}

export function exchangeOverTcp({ packet, query, server, signal }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: server, port: PORT, signal });
    socket.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    socket.on('close', () => reject(new Error(`${server} has closed the connection`)));
    socket.on('connect', () => socket.write(frame(packet)));
    socket.on(
      'data',
      readFrames((reply) => {
        if (!isAnswerTo(reply, query)) return;
        resolve(reply);
        socket.destroy();
      }),
    );
  });
}

export const PORT = 53;
