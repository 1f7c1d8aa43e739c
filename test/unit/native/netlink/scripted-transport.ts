import type { Transport } from '../../../../native/netlink/transport.ts';

export interface SentMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

/** Plays the kernel: what `answer` makes of all messages of one send is there to be received, or thrown, when it returns. */
export class ScriptedTransport implements Transport {
  readonly sends: SentMessage[][] = [];
  closed = false;
  readonly #answer: (messages: readonly SentMessage[]) => readonly (Uint8Array | Error)[];
  #queue: (Uint8Array | Error)[] = [];

  constructor(answer: (messages: readonly SentMessage[]) => readonly (Uint8Array | Error)[]) {
    this.#answer = answer;
  }

  send(bytes: Uint8Array): void {
    const messages = split(Buffer.from(bytes));
    this.sends.push(messages);
    this.#queue.push(...this.#answer(messages));
  }

  async sendAside(bytes: Uint8Array): Promise<void> {
    this.send(bytes);
  }

  receive(): Uint8Array | undefined {
    const next = this.#queue.shift();
    if (next instanceof Error) throw next;
    return next;
  }

  /** Datagrams nobody received. */
  get left(): number {
    return this.#queue.length;
  }

  [Symbol.dispose](): void {
    this.closed = true;
  }
}

/** NLMSG_ERROR, capped, with the kernel's words if there are any. */
export function ack(sequence: number, errno = 0, text = ''): Uint8Array {
  const words = Buffer.alloc(text === '' ? 0 : (4 + text.length + 1 + 3) & ~3);
  if (text !== '') {
    words.writeUInt16LE(4 + text.length + 1, 0);
    words.writeUInt16LE(1, 2);
    words.write(text, 4);
  }
  const bytes = Buffer.alloc(16 + 4 + 16);
  bytes.writeInt32LE(-errno, 16);
  return message({ type: 2, flags: text === '' ? 0x100 : 0x300, sequence }, Buffer.concat([bytes.subarray(16), words]));
}

/** A record of a dump whose body is one u32. */
export function record(sequence: number, value: number, flags = 2): Uint8Array {
  const body = Buffer.alloc(4);
  body.writeUInt32LE(value);
  return message({ type: 16, flags, sequence }, body);
}

/** NLMSG_DONE */
export function done(sequence: number, { errno = 0, flags = 2 } = {}): Uint8Array {
  const body = Buffer.alloc(4);
  body.writeInt32LE(-errno);
  return message({ type: 3, flags, sequence }, body);
}

function message({ type, flags, sequence }: SentMessage, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

function split(bytes: Buffer): SentMessage[] {
  const messages: SentMessage[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    messages.push({
      type: bytes.readUInt16LE(offset + 4),
      flags: bytes.readUInt16LE(offset + 6),
      sequence: bytes.readUInt32LE(offset + 8),
    });
    offset += (bytes.readUInt32LE(offset) + 3) & ~3;
  }
  return messages;
}

/** RTM_NEWLINK of a link with an ifindex and a name of five letters. */
export function linkRecord(sequence: number, ifindex: number, ifname: string): Uint8Array {
  const body = Buffer.alloc(16 + 12);
  body.writeInt32LE(ifindex, 4);
  body.writeUInt16LE(4 + ifname.length + 1, 16);
  body.writeUInt16LE(3, 18);
  body.write(ifname, 20);
  return message({ type: 16, flags: 0, sequence }, body);
}
