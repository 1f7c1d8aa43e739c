/** A TCP port that is held by listening on it. */
import { once } from 'node:events';
import net from 'node:net';
import type { PortLead, PortTarget } from '../model/ports.ts';
import { inTurn, type PortReservation, type PortReservationOptions } from './port-reservation.ts';

/** Connections of one port that are passed on at a time. Those beyond are closed at once: each takes two of our descriptors. */
const MAX_CONNECTIONS = 1024;
/** ms. A container that runs answers or refuses at once; one that is just ending does neither. */
const CONNECT_TIMEOUT_MS = 5_000;
/** ms without a byte until the other end is asked whether it is still there (tcp(7), TCP_KEEPIDLE). */
const KEEPALIVE_MS = 60_000;

export class TcpPort implements PortReservation {
  lead: PortLead;
  readonly fd: number;
  readonly #server: net.Server;
  readonly #options: PortReservationOptions;
  readonly #sockets = new Set<net.Socket>();
  #turn = 0;

  private constructor(
    server: net.Server,
    fd: number,
    { lead, options }: { readonly lead: PortLead; readonly options: PortReservationOptions },
  ) {
    this.fd = fd;
    this.#server = server;
    this.lead = lead;
    this.#options = options;
    server.on('connection', (client) => this.#passOn(client));
    server.on('error', options.onError);
  }

  /** Rejects with the system's error: EADDRINUSE, EADDRNOTAVAIL. */
  static async reserve(lead: PortLead, options: PortReservationOptions): Promise<TcpPort> {
    // Paused: what the client sends stays in the kernel until there is somebody to read it.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.maxConnections = MAX_CONNECTIONS;
    const fd = options.sockets.bind(lead);
    server.listen({ fd, exclusive: true });
    await once(server, 'listening');
    return new TcpPort(server, fd, { lead, options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #passOn(client: net.Socket): void {
    this.#follow(client);
    // Told by `close`.
    client.on('error', () => undefined);
    this.#connect(client, inTurn(this.lead, this.#turn++, this.#options.isRunning), this.lead.containerPort);
  }

  /** To the first target that answers; if none does, the client learns of it as of a server that has crashed. */
  #connect(client: net.Socket, [target, ...others]: readonly PortTarget[], port: number): void {
    if (client.destroyed) return;
    if (target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const server = net.connect({ host: target.address, port, allowHalfOpen: true, noDelay: true });
    this.#follow(server);
    const giveUp = () => server.destroy();
    const failed = () => this.#connect(client, others, port);
    const late = setTimeout(giveUp, CONNECT_TIMEOUT_MS);
    client.once('close', giveUp);
    server.once('close', failed);
    server.on('error', () => undefined);
    server.once('connect', () => {
      clearTimeout(late);
      client.off('close', giveUp);
      server.off('close', failed);
      join(client, server);
      join(server, client);
    });
    server.once('close', () => {
      clearTimeout(late);
      client.off('close', giveUp);
    });
  }

  #follow(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** One direction. An end is passed on as an end (the other direction may go on), a reset as a reset; `pipe` reads no faster than is written. */
function join(from: net.Socket, to: net.Socket): void {
  from.setKeepAlive(true, KEEPALIVE_MS);
  from.once('close', (hadError) => {
    if (hadError) to.resetAndDestroy();
  });
  from.pipe(to);
}
