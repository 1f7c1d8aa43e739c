import { errnoNumber } from '../abi/errno.ts';
import { NETLINK_NETFILTER, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR } from '../abi/netlink.ts';
import { NetlinkSocket } from '../ffi/netlink-socket.ts';
import { decodeAck, decodeDone } from './ack.ts';
import { concat } from './bytes.ts';
import { decodeMessages, encodeMessage, type Message, type ReceivedMessage } from './message.ts';
import { NetlinkError } from './netlink-error.ts';
import type { Transport } from './transport.ts';

/** How much goes out in one send: less than the socket's send buffer, and no more acks than its receive buffer holds. */
const BATCH_BYTES = 64 << 10;
const BATCH_MESSAGES = 256;
/** A table that changes during each of so many dumps is being flooded; the caller should hear of it. */
const DUMP_ATTEMPTS = 16;

/** From so many messages on a batch is sent from another thread: the kernel takes a millisecond for a veth, and a command has other work. */
const ASIDE_MESSAGES = 8;

/** A connection in the network namespace this thread is in now, which it stays in. */
export function openRtnetlink(): RtnetlinkConnection {
  return new RtnetlinkConnection(NetlinkSocket.open());
}

/** One that knows nftables instead of links, which is asked in the same way. In the network namespace this thread is in now. */
export function openNfnetlink(): RtnetlinkConnection {
  return new RtnetlinkConnection(NetlinkSocket.open(NETLINK_NETFILTER));
}

/** The same as `openRtnetlink`, in the thread's home namespace: long work is done aside, through a second socket. */
export function openHomeRtnetlink(): RtnetlinkConnection {
  return new RtnetlinkConnection(NetlinkSocket.open(), () => NetlinkSocket.open());
}

interface Pending {
  readonly message: Message;
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An rtnetlink connection. All that `request` is asked in one turn goes out in ONE send: that is what makes fifty veths cost
 * one system call. Not atomic: each message succeeds or fails alone, in the order of the requests.
 *
 * INVARIANT: between two calls no answer is outstanding on a transport (see Transport), so a request, a query and a dump never mix. What is
 * sent aside has a transport of its own, and one batch at a time.
 */
export class RtnetlinkConnection implements Disposable {
  readonly #transport: Transport;
  readonly #openAside: (() => Transport) | undefined;
  #asideDone: Promise<void> = Promise.resolve();
  #sequence = 0;
  #pending: Pending[] = [];
  #closed = false;

  constructor(transport: Transport, openAside?: () => Transport) {
    this.#transport = transport;
    this.#openAside = openAside;
  }

  /** Asks for a change. Rejects with NetlinkError if the kernel refuses it. */
  request(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closed());
      if (this.#pending.length === 0) afterReadyWork(() => this.#flush());
      this.#pending.push({ message, ...this.#encode(message, NLM_F_REQUEST | NLM_F_ACK), resolve, reject });
    });
  }

  /** Asks for one object, e.g. RTM_GETLINK by name. Throws NetlinkError (ENODEV and the like). `decode` must copy what it keeps. */
  query<T>(message: Message, decode: (answer: ReceivedMessage) => T): T {
    for (const answer of this.#ask(message, NLM_F_REQUEST)) {
      if (answer.type === NLMSG_ERROR) throw new NetlinkError(message, decodeAck(answer));
      return decode(answer);
    }
    throw unanswered(message);
  }

  /** Each record of a table: a dump that a change interrupted is begun again. `decode` must copy what it keeps. */
  dump<T>(message: Message, decode: (record: ReceivedMessage) => T): readonly T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const records = this.#dumpOnce(message, decode);
      if (records !== undefined) return records;
    }
    throw new NetlinkError(message, { errno: errnoNumber('EINTR'), text: `the table changed during each of ${DUMP_ATTEMPTS} dumps` });
  }

  /** What was asked and not yet sent is rejected. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const pending of this.#pending.splice(0)) pending.reject(closed());
    this.#transport[Symbol.dispose]();
  }

  /** Like `request`, for one message that keeps the kernel busy for long: this thread goes on meanwhile. */
  requestAside(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closed());
      this.#sendAside([{ message, ...this.#encode(message, NLM_F_REQUEST | NLM_F_ACK), resolve, reject }]);
    });
  }

  /** Undefined: it was interrupted. */
  #dumpOnce<T>(message: Message, decode: (record: ReceivedMessage) => T): readonly T[] | undefined {
    const records: T[] = [];
    let interrupted = false;
    for (const answer of this.#ask(message, NLM_F_REQUEST | NLM_F_DUMP)) {
      interrupted ||= (answer.flags & NLM_F_DUMP_INTR) !== 0;
      if (answer.type === NLMSG_ERROR || answer.type === NLMSG_DONE) {
        const end = answer.type === NLMSG_ERROR ? decodeAck(answer) : decodeDone(answer);
        if (end.errno !== 0) throw new NetlinkError(message, end);
        return interrupted ? undefined : records;
      }
      records.push(decode(answer));
    }
    throw unanswered(message);
  }

  *#ask(message: Message, flags: number): Generator<ReceivedMessage> {
    if (this.#closed) throw closed();
    const { bytes, sequence } = this.#encode(message, flags);
    this.#transport.send(bytes);
    for (const answer of answersOf(this.#transport)) if (answer.sequence === sequence) yield answer;
  }

  #flush(): void {
    for (const batch of batches(this.#pending.splice(0))) {
      if (batch.length >= ASIDE_MESSAGES && this.#openAside) this.#sendAside(batch);
      else this.#exchange(batch);
    }
  }

  #exchange(batch: readonly Pending[]): void {
    try {
      this.#transport.send(bytesOf(batch));
    } catch (error) {
      rejectAll(batch, error);
      return;
    }
    settle(batch, this.#transport);
  }

  #sendAside(batch: readonly Pending[]): void {
    const openAside = this.#openAside;
    if (openAside === undefined) {
      this.#exchange(batch);
      return;
    }
    this.#asideDone = this.#asideDone.then(() => exchangeAside(batch, openAside));
  }

  #encode(message: Message, flags: number): { readonly sequence: number; readonly bytes: Uint8Array } {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    return { sequence, bytes: encodeMessage({ ...message, flags: message.flags | flags }, sequence) };
  }
}

/** Through a socket of its own, which is the kernel's until it has answered. To open one takes microseconds. */
async function exchangeAside(batch: readonly Pending[], open: () => Transport): Promise<void> {
  try {
    using aside = open();
    await aside.sendAside(bytesOf(batch));
    settle(batch, aside);
  } catch (error) {
    rejectAll(batch, error);
  }
}

function bytesOf(batch: readonly Pending[]): Uint8Array {
  return concat(batch.map(({ bytes }) => bytes));
}

function rejectAll(batch: readonly Pending[], error: unknown): void {
  for (const pending of batch) pending.reject(error);
}

/** Each request of a batch that was sent, by its own ack. */
function settle(batch: readonly Pending[], transport: Transport): void {
  const unsettled = new Map(batch.map((pending) => [pending.sequence, pending]));
  let failure: unknown;
  try {
    for (const answer of answersOf(transport)) {
      const pending = unsettled.get(answer.sequence);
      if (pending === undefined || answer.type !== NLMSG_ERROR) continue;
      unsettled.delete(answer.sequence);
      const ack = decodeAck(answer);
      if (ack.errno === 0) pending.resolve();
      else pending.reject(new NetlinkError(pending.message, ack));
    }
  } catch (error) {
    failure = error;
  }
  for (const pending of unsettled.values()) pending.reject(failure ?? unanswered(pending.message));
}

/** All answers that are there. However the caller leaves the loop, none is left over: an unread dump would refuse the next with EBUSY. */
function* answersOf(transport: Transport): Generator<ReceivedMessage> {
  let drained = false;
  try {
    for (;;) {
      const datagram = transport.receive();
      drained = datagram === undefined;
      if (datagram === undefined) return;
      yield* decodeMessages(datagram);
    }
  } finally {
    while (!drained) drained = transport.receive() === undefined;
  }
}

/**
 * When every promise that is ready has been followed up, and before any I/O or timer: a microtask alone would run before the
 * others that are queued behind it, setImmediate only after whatever the event loop finds to do first.
 */
function afterReadyWork(work: () => void): void {
  queueMicrotask(() => process.nextTick(work));
}

function* batches(pending: readonly Pending[]): Generator<readonly Pending[]> {
  let batch: Pending[] = [];
  let bytes = 0;
  for (const next of pending) {
    if (batch.length > 0 && (batch.length === BATCH_MESSAGES || bytes + next.bytes.length > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(next);
    bytes += next.bytes.length;
  }
  if (batch.length > 0) yield batch;
}

function unanswered(message: Message): NetlinkError {
  return new NetlinkError(message, { errno: errnoNumber('EPROTO'), text: 'the kernel did not answer' });
}

function closed(): Error {
  return new Error('the rtnetlink connection is closed');
}
