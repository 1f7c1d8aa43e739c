/** Asks others what the stack doesn't know. */
import { randomInt } from 'node:crypto';
import { type Exchange, exchangeOverTcp, exchangeOverUdp } from './exchange.ts';
import { isTruncated, type Query, rcodeOf } from './query.ts';
import { fitReply, RCODE, serverFailure } from './reply.ts';

export interface Forwarding {
  readonly query: Query;
  /** As it came. */
  readonly packet: Buffer;
  /** Address of who asks. */
  readonly client: string;
  readonly overTcp: boolean;
  /** Asked in this order; of more than three the first (resolv.conf(5), MAXNS). */
  readonly servers: readonly string[];
}

export interface ForwarderOptions {
  /** Milliseconds one server is waited for. Clients wait five seconds in all. */
  readonly patienceMs?: number;
  /** ms, of a clock that never goes back. */
  readonly now?: () => number;
}

const PATIENCE_MS = 1500;
const MAX_SERVERS = 3;
/** Who hasn't answered is asked after the others for that long. */
const DISTRUST_MS = 30_000;
/** Questions under way. Each has a socket; and one client alone is not to take what all need. */
const MAX_IN_FLIGHT = 1000;
const MAX_OF_CLIENT = 250;

export class Forwarder implements Disposable {
  readonly #patienceMs: number;
  readonly #now: () => number;
  readonly #inFlight = new Map<string, number>();
  #total = 0;
  /** Server → until when. */
  readonly #distrusted = new Map<string, number>();
  readonly #closed = new AbortController();

  constructor({ patienceMs = PATIENCE_MS, now = performance.now.bind(performance) }: ForwarderOptions = {}) {
    this.#patienceMs = patienceMs;
    this.#now = now;
  }

  /** Never rejects: SERVFAIL says that nobody could be asked. */
  async forward(forwarding: Forwarding): Promise<Buffer> {
    const { client, query, overTcp } = forwarding;
    const ofClient = this.#inFlight.get(client) ?? 0;
    if (this.#total >= MAX_IN_FLIGHT || ofClient >= MAX_OF_CLIENT) return serverFailure(query);
    this.#total++;
    this.#inFlight.set(client, ofClient + 1);
    try {
      const reply = await this.#ask(forwarding);
      if (!reply) return serverFailure(query);
      reply.writeUInt16BE(query.id, 0);
      return fitReply(query, reply, overTcp);
    } finally {
      this.#total--;
      const left = (this.#inFlight.get(client) ?? 1) - 1;
      if (left === 0) this.#inFlight.delete(client);
      else this.#inFlight.set(client, left);
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the server of names is closed'));
  }

  /** One that fails to answer is no reason to give up while there is another; a lost datagram none to give up on the only one. */
  async #ask({ query, packet, overTcp, servers }: Forwarding): Promise<Buffer | undefined> {
    const chosen = this.#inOrder(servers.slice(0, MAX_SERVERS));
    const attempts = chosen.length === 1 ? [...chosen, ...chosen] : chosen;
    let failed: Buffer | undefined;
    for (const server of attempts) {
      if (this.#closed.signal.aborted) return undefined;
      const reply = await this.#askOne(server, { query, packet, overTcp });
      if (reply && rcodeOf(reply) !== RCODE.servFail && rcodeOf(reply) !== RCODE.refused) return reply;
      failed = reply ?? failed;
    }
    return failed;
  }

  async #askOne(server: string, { query, packet, overTcp }: Pick<Forwarding, 'query' | 'packet' | 'overTcp'>): Promise<Buffer | undefined> {
    // An id of our own: the client's was seen by whoever could guess at it.
    const renamed = Buffer.from(packet);
    const id = randomInt(0x10000);
    renamed.writeUInt16BE(id, 0);
    const exchange = { packet: renamed, query: { id, question: query.question }, server };
    const first = await this.#inTime(overTcp ? exchangeOverTcp : exchangeOverUdp, exchange);
    if (!first || overTcp || !isTruncated(first)) return first;
    // If that doesn't work, the client may try it itself.
    return (await this.#inTime(exchangeOverTcp, exchange)) ?? first;
  }

  /** Undefined: it could not be asked, or didn't answer. */
  async #inTime(exchange: (exchange: Exchange) => Promise<Buffer>, what: Omit<Exchange, 'signal'>): Promise<Buffer | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => {
      this.#distrusted.set(what.server, this.#now() + DISTRUST_MS);
      late.abort(new Error(`${what.server} has not answered`));
    }, this.#patienceMs);
    const close = () => late.abort(this.#closed.signal.reason);
    this.#closed.signal.addEventListener('abort', close, { once: true });
    try {
      return await exchange({ ...what, signal: late.signal });
    } catch {
      // No way there, nobody on that port, no answer: to the client it is all the same, the next server is asked.
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#closed.signal.removeEventListener('abort', close);
    }
  }

  #inOrder(servers: readonly string[]): readonly string[] {
    const isDistrusted = (server: string) => (this.#distrusted.get(server) ?? 0) > this.#now();
    return [...servers.filter((server) => !isDistrusted(server)), ...servers.filter(isDistrusted)];
  }
}
