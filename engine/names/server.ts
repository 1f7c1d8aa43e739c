/**
 * The DNS server of a stack: listens on the addresses of its bridges, answers for what is there, and asks others for the rest. What it answers
 * follows the table at once; where it listens follows it with `listen`.
 */
import type { ContainerName } from '../model/ids.ts';
import type { NamedMember, NameTable } from '../model/names.ts';
import { answer } from './answer.ts';
import { PORT } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { type AskedFrom, type Listener, listenOn } from './listener.ts';
import { parseQuery } from './query.ts';
import { encodeError, encodeReply, RCODE } from './reply.ts';
import { makeZone, type Zone } from './zone.ts';

export interface NameServerOptions {
  readonly table: () => NameTable;
  /** Network → members that other stacks have there. The same object as long as nothing has changed. */
  readonly foreign: () => Readonly<Record<string, readonly NamedMember[]>>;
  readonly isRunning: (container: ContainerName) => boolean;
  /** Nameservers of the host, in their order. */
  readonly hostServers: () => readonly string[];
  /** An address at which it can't listen. Told each time that it is tried. */
  readonly onRefused: (address: string, error: NodeJS.ErrnoException) => void;
  /** Default 53. */
  readonly port?: number;
  readonly forwarder?: Forwarder;
}

export class NameServer implements AsyncDisposable {
  readonly #options: NameServerOptions;
  readonly #forwarder: Forwarder;
  readonly #listeners = new Map<string, Listener>();
  #made: { readonly table: NameTable; readonly foreign: unknown; readonly zone: Zone } | undefined;
  #turn = 0;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: NameServerOptions) {
    this.#options = options;
    this.#forwarder = options.forwarder ?? new Forwarder();
  }

  /** Listens where the table says, and nowhere else. An address that isn't there yet is tried again with the next call. Never rejects. */
  listen(): Promise<void> {
    if (this.#isSettled) return this.#work;
    this.#work = this.#work.then(() => this.#follow());
    return this.#work;
  }

  get listening(): readonly string[] {
    return [...this.#listeners.keys()].sort();
  }

  /** Resolves with the answer; undefined: none is given. */
  respond(packet: Buffer, { client, overTcp }: AskedFrom): Buffer | undefined | Promise<Buffer> {
    const parsed = parseQuery(packet);
    if (!parsed) return undefined;
    if ('error' in parsed) return encodeError(parsed.header, parsed.error);
    const { query } = parsed;
    const zone = this.#zone;
    const asker = zone.askers.get(client);
    const answered = answer(query, { zone, asker, isRunning: this.#options.isRunning, turn: this.#turn++ });
    if (answered !== 'forward') return encodeReply(query, answered, overTcp);
    if (!query.recursionDesired) return encodeReply(query, { rcode: RCODE.refused, records: [] }, overTcp);
    const named = asker?.upstream ?? [];
    // To ourselves it would go round for ever.
    const servers = (named.length > 0 ? named : this.#options.hostServers()).filter((server) => !zone.listen.has(server));
    return this.#forwarder.forward({ query, packet, client, overTcp, servers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#forwarder[Symbol.dispose]();
    await this.#work;
    await this.#follow();
  }

  get #zone(): Zone {
    const table = this.#options.table();
    const foreign = this.#options.foreign();
    if (this.#made?.table !== table || this.#made.foreign !== foreign) this.#made = { table, foreign, zone: makeZone(table, foreign) };
    return this.#made.zone;
  }

  get #wanted(): ReadonlySet<string> {
    // Of the table itself: the zone is for who asks, and may never be made.
    const networks = this.#closed ? [] : Object.values(this.#options.table().networks);
    return new Set(networks.flatMap(({ listen }) => listen));
  }

  get #isSettled(): boolean {
    const wanted = this.#wanted;
    return wanted.size === this.#listeners.size && [...wanted].every((address) => this.#listeners.has(address));
  }

  async #follow(): Promise<void> {
    const wanted = this.#wanted;
    const closing = [...this.#listeners].filter(([address]) => !wanted.has(address));
    for (const [address] of closing) this.#listeners.delete(address);
    await Promise.all(closing.map(([, listener]) => listener[Symbol.asyncDispose]()));
    const opening = [...wanted].filter((address) => !this.#listeners.has(address));
    await Promise.all(opening.map((address) => this.#open(address)));
  }

  async #open(address: string): Promise<void> {
    try {
      const { port = PORT } = this.#options;
      const respond = (packet: Buffer, from: AskedFrom) => this.respond(packet, from);
      this.#listeners.set(address, await listenOn({ address, port, respond }));
    } catch (error) {
      this.#options.onRefused(address, error as NodeJS.ErrnoException);
    }
  }
}
