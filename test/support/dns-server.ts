/** A little DNS server for tests: what others know. Over UDP and TCP on one address, and it remembers what it was asked. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Answer, decode, encode, type Packet, streamDecode } from 'dns-packet';

export interface FakeDnsServer extends AsyncDisposable {
  /** `udp example.com A`, in the order in which it was asked. */
  readonly asked: readonly string[];
}

export interface FakeDnsOptions {
  /** Of 127.0.0.0/8 say; on port 53. */
  readonly address: string;
  /** By name, all of type A. A name that isn't there is NXDOMAIN. */
  readonly records: Readonly<Record<string, readonly string[]>>;
  /** `silent`: never answers. `failing`: SERVFAIL. `wrong`: first answers another question and under another id, then rightly. */
  readonly manner?: 'silent' | 'failing' | 'wrong';
}

const UDP_SIZE = 512;
const FLAG_TC = 0x0200;

export async function startDnsServer({ address, records, manner }: FakeDnsOptions): Promise<FakeDnsServer> {
  const asked: string[] = [];
  const answersTo = (packet: Buffer, protocol: string): Packet[] => {
    const query = decode(packet);
    const question = query.questions?.[0];
    asked.push(`${protocol} ${question?.name} ${question?.type}`);
    if (!question || manner === 'silent') return [];
    const known = records[question.name.toLowerCase()];
    const rcode = manner === 'failing' ? 2 : known ? 0 : 3;
    const answers =
      rcode === 0 && question.type === 'A' ? (known ?? []).map((data): Answer => ({ type: 'A', name: question.name, ttl: 60, data })) : [];
    const id = query.id ?? 0;
    const right: Packet = { type: 'response', id, flags: 0x0180 | rcode, questions: [question], answers };
    if (manner !== 'wrong') return [right];
    const poison: Answer[] = [{ type: 'A', name: question.name, ttl: 60, data: '203.0.113.66' }];
    return [
      { ...right, id: (id + 1) % 0x10000, answers: poison },
      { ...right, questions: [{ ...question, name: 'other.example' }], answers: poison },
      right,
    ];
  };
  const udp = createSocket('udp4');
  udp.on('message', (packet, from) => {
    for (const answer of answersTo(packet, 'udp')) {
      const bytes = encode(answer);
      const cut = () => encode({ ...answer, flags: (answer.flags ?? 0) | FLAG_TC, answers: [] });
      udp.send(bytes.length > UDP_SIZE ? cut() : bytes, from.port, from.address);
    }
  });
  udp.bind(53, address);
  await once(udp, 'listening');
  const tcp = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.once('data', (bytes) => {
      if (streamDecode(bytes) === null) throw new Error('a question in two segments');
      for (const answer of answersTo(bytes.subarray(2), 'tcp')) {
        const message = encode(answer);
        connection.write(Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message]));
      }
    });
  });
  tcp.listen(53, address);
  await once(tcp, 'listening');
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      const closed = [once(udp, 'close'), once(tcp, 'close')];
      udp.close();
      tcp.close();
      await Promise.all(closed);
    },
  };
}
