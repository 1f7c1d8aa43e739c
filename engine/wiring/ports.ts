/** What the supervisor does about published ports: holds them, and says who has one that it can't hold. */

import { setTimeout } from 'node:timers/promises';
import { socketText } from '../../dsl/addresses.ts';
import { bindPublished, setRefusing } from '../kernel/port-sockets.ts';
import { TsstackError } from '../model/errors.ts';
import type { ListeningSocket } from '../model/facts.ts';
import type { PortLead } from '../model/ports.ts';
import type { PortReservationOptions } from '../supervise/port-reservation.ts';
import { type PortRefusal, PortReservations } from '../supervise/port-reservations.ts';
import { socketsInTheWay } from './port-holders.ts';

/**
 * A process that was killed gives its sockets back a moment after everything else: until then nobody holds them, and nobody else can have
 * them. Whoever comes after a killed supervisor waits for that, a moment at a time: the kernel tells nobody.
 */
const ENDING = { moments: 25, momentMs: 10 } as const;

export class PublishedPorts implements AsyncDisposable {
  readonly #reservations: PortReservations;
  /** What was asked for last is what counts: whoever asked before that tries no more. */
  #asked = 0;

  constructor(options: Omit<PortReservationOptions, 'sockets'>) {
    this.#reservations = new PortReservations({ ...options, sockets: { bind: bindPublished, setRefusing } });
  }

  /** To be called when a container has started or ended: a port that leads to none that runs refuses whoever arrives. */
  refresh(): void {
    this.#reservations.refresh();
  }

  /**
   * Holds these and no others. Resolves to the sockets in the way; if there are any, all is as it was.
   * @throws TsstackError for one that this host can't have whoever else has it.
   */
  async reserve(leads: readonly PortLead[]): Promise<readonly ListeningSocket[]> {
    const refusals = await this.#patiently(() => this.#reservations.hold(leads));
    for (const refusal of refusals) if (refusal.error.code !== 'EADDRINUSE') throw refused(refusal);
    return refusals.map(({ lead }) => socketInTheWay(lead));
  }

  /** Holds those of these that can be had, and no others. Resolves to what is to be said of the rest. */
  async follow(leads: readonly PortLead[]): Promise<readonly string[]> {
    const refusals = await this.#patiently(() => this.#reservations.follow(leads));
    return refusals.map((refusal) => refused(refusal).message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#asked++;
    await this.#reservations[Symbol.asyncDispose]();
  }

  async #patiently(hold: () => Promise<readonly PortRefusal[]>): Promise<readonly PortRefusal[]> {
    const mine = ++this.#asked;
    for (let moment = 1; ; moment++) {
      const refusals = await hold();
      const heldByNobody = ({ lead, error }: PortRefusal) => error.code === 'EADDRINUSE' && socketInTheWay(lead).holder === undefined;
      if (moment === ENDING.moments || mine !== this.#asked || !refusals.some(heldByNobody)) return refusals;
      await setTimeout(ENDING.momentMs);
      if (mine !== this.#asked) return refusals;
    }
  }
}

/** One that isn't listening, of an outgoing connection say, is taken for one that is just there. */
function socketInTheWay({ protocol, hostAddress, hostPort }: PortLead): ListeningSocket {
  const sockets = socketsInTheWay(hostAddress, hostPort);
  return sockets.find((socket) => socket.protocol === protocol) ?? { protocol, address: hostAddress, port: hostPort, inode: 0 };
}

function refused({ lead, error }: PortRefusal): TsstackError {
  const what = `cannot publish port ${socketText(lead.hostAddress, lead.hostPort)}/${lead.protocol} of \`${lead.service}\``;
  if (error.code === 'EADDRINUSE') {
    const { holder } = socketInTheWay(lead);
    return new TsstackError(`${what}: it is in use by ${holder ?? 'another process'}`, { code: 'obstacle', cause: error });
  }
  if (error.code === 'EADDRNOTAVAIL') {
    const hint = '`ip address` shows those it has; `0.0.0.0` and `::` are all of them';
    return new TsstackError(`${what}: this host has no address ${lead.hostAddress}`, { code: 'obstacle', hint, cause: error });
  }
  return new TsstackError(`${what}: ${error.message}`, { code: 'kernel', cause: error });
}
