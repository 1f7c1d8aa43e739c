/** All published ports of a stack, held. */
import type { PortLead } from '../model/ports.ts';
import type { PortReservation, PortReservationOptions } from './port-reservation.ts';
import { TcpPort } from './port-tcp.ts';
import { UdpPort } from './port-udp.ts';

/** A port that can't be had. */
export interface PortRefusal {
  readonly lead: PortLead;
  /** Of the system: `code` is EADDRINUSE, EADDRNOTAVAIL or another errno. */
  readonly error: NodeJS.ErrnoException;
}

export class PortReservations implements AsyncDisposable {
  readonly #options: PortReservationOptions;
  readonly #held = new Map<string, PortReservation>();
  /** Descriptors of those that refuse. */
  readonly #refusing = new Set<number>();
  /** One change at a time. */
  #change: Promise<unknown> = Promise.resolve();

  constructor(options: PortReservationOptions) {
    this.#options = options;
  }

  /** These and no others. If one can't be had, all is as it was. */
  hold(leads: readonly PortLead[]): Promise<readonly PortRefusal[]> {
    return this.#next(() => this.#hold(leads, { orNone: true }));
  }

  /** Those of these that can be had, and no others. */
  follow(leads: readonly PortLead[]): Promise<readonly PortRefusal[]> {
    return this.#next(() => this.#hold(leads, { orNone: false }));
  }

  /** Somebody has started or ended: who arrives at a port behind which nobody runs is refused, as by a host where nobody listens. */
  refresh(): void {
    for (const { fd, lead } of this.#held.values()) {
      const refusing = !lead.targets.some(({ container }) => this.#options.isRunning(container));
      if (this.#refusing.has(fd) === refusing) continue;
      this.#options.sockets.setRefusing(fd, refusing);
      if (refusing) this.#refusing.add(fd);
      else this.#refusing.delete(fd);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#next(() => this.#hold([], { orNone: false }));
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#change.then(work);
    this.#change = result.catch(() => undefined);
    return result;
  }

  async #hold(leads: readonly PortLead[], { orNone }: { readonly orNone: boolean }): Promise<readonly PortRefusal[]> {
    const wanted = new Map(leads.map((lead) => [keyOf(lead), lead]));
    const fresh = [...wanted].filter(([key]) => !this.#held.has(key)).map(([, lead]) => lead);
    const leaving = [...this.#held].filter(([key]) => !wanted.has(key)).map(([, { lead }]) => lead);
    // `0.0.0.0:80` instead of `127.0.0.1:80`: our own socket would be in the way.
    const inTheWay = leaving.filter((old) => fresh.some((lead) => samePort(old, lead)));
    await this.#release(inTheWay);
    const refusals = await this.#reserve(fresh);
    if (orNone && refusals.length > 0) {
      await this.#release(fresh);
      // They were ours a moment ago. Should somebody have been so fast, it is found when they are followed.
      await this.#reserve(inTheWay);
      return refusals;
    }
    await this.#release(leaving);
    for (const [key, lead] of wanted) {
      const held = this.#held.get(key);
      if (held) held.lead = lead;
    }
    this.refresh();
    return refusals;
  }

  async #reserve(leads: readonly PortLead[]): Promise<readonly PortRefusal[]> {
    const refused = await Promise.all(
      leads.map(async (lead): Promise<PortRefusal[]> => {
        try {
          const kind = lead.protocol === 'tcp' ? TcpPort : UdpPort;
          this.#held.set(keyOf(lead), await kind.reserve(lead, this.#options));
          return [];
        } catch (error) {
          return [{ lead, error: error as NodeJS.ErrnoException }];
        }
      }),
    );
    return refused.flat();
  }

  async #release(leads: readonly PortLead[]): Promise<void> {
    const keys = leads.map(keyOf);
    const released = keys.flatMap((key) => this.#held.get(key) ?? []);
    for (const key of keys) this.#held.delete(key);
    for (const { fd } of released) this.#refusing.delete(fd);
    await Promise.all(released.map((port) => port[Symbol.asyncDispose]()));
  }
}

/** As in `Allocation.ports`. */
function keyOf({ protocol, hostAddress, hostPort }: PortLead): string {
  return `${protocol} ${hostAddress}:${hostPort}`;
}

function samePort(a: PortLead, b: PortLead): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort;
}
