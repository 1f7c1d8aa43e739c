/** A UDP port that is held by being bound. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { PortLead, PortTarget } from '../model/ports.ts';
import { inTurn, type PortReservation, type PortReservationOptions } from './port-reservation.ts';

/** Of one port; the one that has been silent the longest makes room for a new one. Each takes a descriptor. */
const MAX_CLIENTS = 1024;
/** ms in which neither end has sent anything. As the kernel's own translation (nf_conntrack-sysctl.rst, nf_conntrack_udp_timeout). */
const IDLE_MS = 30_000;

/** Who sends from one address and port is one client, and is led to one target through a socket of its own, so that answers find it. */
interface Client {
  readonly socket: dgram.Socket;
  readonly target: PortTarget;
  readonly idle: NodeJS.Timeout;
}

export class UdpPort implements PortReservation {
  lead: PortLead;
  readonly fd: number;
  readonly #socket: dgram.Socket;
  readonly #options: PortReservationOptions;
  /** `address port` → client, the one that was heard of last at the end. */
  readonly #clients = new Map<string, Client>();
  #turn = 0;

  private constructor(
    socket: dgram.Socket,
    fd: number,
    { lead, options }: { readonly lead: PortLead; readonly options: PortReservationOptions },
  ) {
    this.fd = fd;
    this.#socket = socket;
    this.lead = lead;
    this.#options = options;
    socket.on('message', (datagram, from) => this.#passOn(datagram, from));
    socket.on('error', options.onError);
  }

  /** Rejects with the system's error: EADDRINUSE, EADDRNOTAVAIL. */
  static async reserve(lead: PortLead, options: PortReservationOptions): Promise<UdpPort> {
    const socket = dgram.createSocket(net.isIPv6(lead.hostAddress) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    try {
      const fd = options.sockets.bind(lead);
      // Bound already, it is listening when this returns.
      socket.bind({ fd, exclusive: true });
      return new UdpPort(socket, fd, { lead, options });
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of [...this.#clients.keys()]) this.#forget(key);
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #passOn(datagram: Buffer, from: dgram.RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const known = this.#clients.get(key);
    if (known && !this.#leadsTo(known.target)) this.#forget(key);
    const client = this.#clients.get(key) ?? this.#welcome(key, from);
    if (!client) return;
    this.#heardOf(key, client);
    // A datagram that can't be sent is lost, as any may be; the client's next one may go to another target.
    client.socket.send(datagram, this.lead.containerPort, client.target.address, (error) => error && this.#forget(key));
  }

  #leadsTo({ container, address }: PortTarget): boolean {
    return this.#options.isRunning(container) && this.lead.targets.some((target) => target.address === address);
  }

  #welcome(key: string, from: dgram.RemoteInfo): Client | undefined {
    const [target] = inTurn(this.lead, this.#turn++, this.#options.isRunning);
    if (!target) return undefined;
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined && this.#clients.size >= MAX_CLIENTS) this.#forget(oldest);
    const socket = dgram.createSocket(net.isIPv6(target.address) ? 'udp6' : 'udp4');
    const client: Client = { socket, target, idle: setTimeout(() => this.#forget(key), IDLE_MS) };
    const { containerPort } = this.lead;
    socket.on('message', (datagram, sender) => {
      // The socket is open to all that can reach this host.
      if (sender.address !== target.address || sender.port !== containerPort || this.#clients.get(key) !== client) return;
      this.#heardOf(key, client);
      this.#socket.send(datagram, from.port, from.address, (error) => error && this.#forget(key));
    });
    socket.on('error', (error) => {
      this.#options.onError(error);
      this.#forget(key);
    });
    return client;
  }

  #heardOf(key: string, client: Client): void {
    client.idle.refresh();
    this.#clients.delete(key);
    this.#clients.set(key, client);
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    if (!client) return;
    this.#clients.delete(key);
    clearTimeout(client.idle);
    client.socket.close();
  }
}
