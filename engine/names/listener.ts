/** Questions that come in at one address, over UDP and TCP, and the answers that go out. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { frame, readFrames } from './frames.ts';

export interface AskedFrom {
  /** Address, as the kernel has it. */
  readonly client: string;
  readonly overTcp: boolean;
}

export interface ListenOptions {
  /** IPv4 or IPv6, of this host. */
  readonly address: string;
  readonly port: number;
  readonly respond: (packet: Buffer, from: AskedFrom) => Buffer | undefined | Promise<Buffer>;
}

export type Listener = AsyncDisposable;

/** A connection on which nothing is asked is closed (RFC 7766, 6.2.3: a few seconds). */
const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 200;
/** Questions of one connection under way: who asks more waits until some are answered. */
const MAX_PIPELINED = 50;

/** Both or none. Rejects with the error of the kernel. */
export async function listenOn(options: ListenOptions): Promise<Listener> {
  const udp = await listenUdp(options);
  const connections = new Set<Socket>();
  let tcp: Server;
  try {
    tcp = await listenTcp(options, connections);
  } catch (error) {
    udp.close();
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = [once(udp, 'close'), once(tcp, 'close')];
      udp.close();
      tcp.close();
      for (const connection of connections) connection.destroy();
      await Promise.all(closed);
    },
  };
}

async function listenUdp({ address, port, respond }: ListenOptions): Promise<UdpSocket> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', lookup: alreadyAddress });
  socket.on('message', (packet, { address: client, port: to }) => {
    const reply = respond(packet, { client, overTcp: false });
    if (reply === undefined) return;
    // An answer that can't be sent is lost, as datagrams are: the client asks again. Without a callback nobody is told.
    const send = (bytes: Buffer) => socket.send(bytes, to, client);
    if (Buffer.isBuffer(reply)) send(reply);
    else void reply.then((bytes) => unlessClosed(() => send(bytes)));
  });
  try {
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  // Of one datagram (recvmsg(2)): the next one is another matter.
  socket.on('error', () => undefined);
  return socket;
}

/** The resolver would give back the same, but each answer would wait for its turn. */
function alreadyAddress(address: string, _options: unknown, found: (error: null, address: string, family: number) => void): void {
  found(null, address, address.includes(':') ? 6 : 4);
}

/** It may have been closed while somebody else was asked. */
function unlessClosed(send: () => void): void {
  try {
    send();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
  }
}

async function listenTcp({ address, port, respond }: ListenOptions, connections: Set<Socket>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    serve(connection, respond);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, address);
  await once(server, 'listening');
  return server;
}

function serve(connection: Socket, respond: ListenOptions['respond']): void {
  const client = connection.remoteAddress;
  if (client === undefined) {
    connection.destroy();
    return;
  }
  let underWay = 0;
  let hasEnded = false;
  const endIfDone = (): void => {
    if (hasEnded && underWay === 0) connection.end();
  };
  const listenAgain = (): void => {
    if (underWay < MAX_PIPELINED && !connection.writableNeedDrain) connection.resume();
  };
  const write = (reply: Buffer): void => {
    // Who asks and doesn't read is not listened to until it does.
    if (connection.writable && !connection.write(frame(reply))) connection.pause();
  };
  const onMessage = (packet: Buffer): void => {
    const reply = respond(packet, { client, overTcp: true });
    if (reply === undefined) connection.destroy();
    else if (Buffer.isBuffer(reply)) write(reply);
    else {
      if (++underWay >= MAX_PIPELINED) connection.pause();
      void reply.then((bytes) => {
        underWay--;
        write(bytes);
        listenAgain();
        endIfDone();
      });
    }
  };
  connection.setTimeout(IDLE_MS, () => connection.destroy());
  // Reset by the client, say: its `close` comes next, and there is nothing else to be done.
  connection.on('error', () => undefined);
  connection.on('drain', listenAgain);
  connection.on('data', readFrames(onMessage));
  connection.on('end', () => {
    hasEnded = true;
    endIfDone();
  });
}
