import { decode } from 'dns-packet';
import { describe, expect, it, test } from 'vitest';
import { NameServer } from '../../../../engine/names/server.ts';
import { reverseName } from '../../../../engine/names/zone.ts';
import { type Ask, member, query, shown, TABLE } from './support.ts';

interface Asking extends Ask {
  readonly from?: string;
  readonly overTcp?: boolean;
  readonly stopped?: readonly string[];
}

function serverOf({
  stopped = [],
  table = TABLE,
}: {
  readonly stopped?: readonly string[];
  readonly table?: typeof TABLE;
} = {}): NameServer {
  return new NameServer({
    table: () => table,
    foreign: () => NOBODY,
    isRunning: (name) => !stopped.includes(name),
    hostServers: () => [],
    onRefused: () => undefined,
  });
}
const NOBODY = {};

async function ask(name: string, type = 'A', { from = '10.1.0.2', overTcp = false, stopped, ...rest }: Asking = {}): Promise<string> {
  const reply = await serverOf({ stopped: stopped ?? [] }).respond(query(name, type, rest), { client: from, overTcp });
  return reply === undefined ? 'nothing' : shown(reply);
}

describe('a name of the stack', () => {
  it.each([
    ['web', 'A', 'NOERROR 10.1.0.2'],
    ['web-1', 'A', 'NOERROR 10.1.0.2'],
    ['shop-web-1', 'A', 'NOERROR 10.1.0.2'],
    ['web', 'AAAA', 'NOERROR fd00:1::2'],
    ['api', 'A', 'NOERROR 10.1.0.3 10.1.0.4'],
    ['backend.local', 'A', 'NOERROR 10.1.0.3 10.1.0.4'],
    ['api', 'AAAA', 'NOERROR'],
    ['web', 'MX', 'NOERROR'],
    ['web', 'PTR', 'NOERROR'],
    ['web', 'ANY', 'NOERROR 10.1.0.2'],
    ['web', 'AXFR', 'REFUSED'],
    ['db', 'A', 'NXDOMAIN'],
    ['nobody', 'A', 'NXDOMAIN'],
    ['com', 'NS', 'NXDOMAIN'],
    ['localhost', 'A', 'NOERROR 127.0.0.1'],
    ['a.localhost', 'AAAA', 'NOERROR ::1'],
    ['2.0.1.10.in-addr.arpa', 'PTR', 'NOERROR shop-web-1'],
    ['2.0.1.10.in-addr.arpa', 'A', 'NOERROR'],
    ['5.0.2.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    ['1.0.1.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    [reverseName('fd00:1::2'), 'PTR', 'NOERROR shop-web-1'],
    // No nameserver to ask.
    ['example.com', 'A', 'SERVFAIL'],
  ])('%s %s: %s', async (name, type, expected) => {
    expect(await ask(name, type)).toBe(expected);
  });

  test('is answered to who shares a network with who bears it, with addresses there', async () => {
    expect(await ask('db', 'A', { from: '10.2.0.3' })).toBe('NOERROR 10.2.0.5');
    expect(await ask('api', 'A', { from: '10.2.0.5' })).toBe('NOERROR 10.2.0.3');
    expect(await ask('api', 'A', { from: '10.1.0.1' }), 'the host sees all').toBe('NOERROR 10.1.0.3 10.1.0.4 10.2.0.3');
    expect(await ask('web', 'A', { from: '10.9.9.9' }), 'an address nobody has').toBe('REFUSED');
  });

  test('is nobody, at once, while none that bears it runs', async () => {
    expect(await ask('api', 'A', { stopped: ['api-1'] })).toBe('NOERROR 10.1.0.4');
    expect(await ask('api', 'A', { stopped: ['api-1', 'api-2'] })).toBe('NXDOMAIN');
    expect(await ask('backend.local', 'A', { stopped: ['api-1', 'api-2'] })).toBe('NXDOMAIN');
    expect(await ask('2.0.1.10.in-addr.arpa', 'PTR', { stopped: ['web-1'] })).toBe('NXDOMAIN');
  });

  test('is found in any case, and given back in the case it was asked in', async () => {
    const reply = await serverOf().respond(query('WeB', 'A'), { client: '10.1.0.3', overTcp: false });
    expect(decode(reply as Buffer).questions).toMatchObject([{ name: 'WeB' }]);
    expect(decode(reply as Buffer).answers).toMatchObject([{ name: 'WeB', data: '10.1.0.2', ttl: 2 }]);
  });

  test('of several replicas leads to another one first each time', async () => {
    const server = serverOf();
    const answers = [1, 2, 3].map(() => shown(server.respond(query('api', 'A'), { client: '10.1.0.2', overTcp: false }) as Buffer));
    expect(answers).toEqual(['NOERROR 10.1.0.3 10.1.0.4', 'NOERROR 10.1.0.4 10.1.0.3', 'NOERROR 10.1.0.3 10.1.0.4']);
  });

  test('that there is none of comes with how long that may be remembered', async () => {
    for (const [name, type] of [
      ['nobody', 'A'],
      ['web', 'TXT'],
    ] as const) {
      const { authorities } = decode((await serverOf().respond(query(name, type), { client: '10.1.0.2', overTcp: false })) as Buffer);
      expect(authorities).toMatchObject([{ type: 'SOA', name: '.', ttl: 2, data: { minimum: 2 } }]);
    }
  });
});

describe('many records', () => {
  const many = Array.from({ length: 100 }, (_, i) => member(`web-${i + 1}`, ['web'], `10.1.0.${i + 2}`));
  const table = { networks: { front: { listen: ['10.1.0.1'], members: many, shared: undefined } }, clients: {} };
  const reply = (overTcp: boolean, edns?: number) =>
    serverOf({ table }).respond(query('web', 'A', edns === undefined ? {} : { edns }), { client: '10.1.0.2', overTcp }) as Buffer;

  it.each([
    ['a client without EDNS', undefined, 512],
    ['one that takes less than every client must', 100, 512],
    ['one that takes 700 bytes', 700, 700],
    ['one that takes more than we send', 4096, 1232],
  ])('are cut to what %s takes', (_, edns, limit) => {
    const packet = reply(false, edns);
    expect(packet.length).toBeLessThanOrEqual(limit);
    expect(packet.length).toBeGreaterThan(limit - 40);
    expect(decode(packet)).toMatchObject({ flag_tc: true });
    expect(decode(packet).additionals).toMatchObject(edns === undefined ? [] : [{ type: 'OPT', udpPayloadSize: 1232 }]);
  });

  it('are all there over TCP', () => {
    const { answers, flag_tc } = decode(reply(true));
    expect(answers).toHaveLength(100);
    expect(flag_tc).toBe(false);
  });
});

describe('what is no question', () => {
  const server = serverOf();
  const from = { client: '10.1.0.2', overTcp: false };
  const changed = (change: (packet: Buffer) => void): Buffer => {
    const packet = query('web', 'A');
    change(packet);
    return packet;
  };
  const answered = (packet: Buffer): string => {
    const reply = server.respond(packet, from);
    return reply === undefined ? 'nothing' : shown(reply as Buffer);
  };

  it.each([
    ['too short for a header', Buffer.alloc(11), 'nothing'],
    ['an answer', changed((packet) => packet.writeUInt8(0x81, 2)), 'nothing'],
    ['another opcode', changed((packet) => packet.writeUInt8(0x28, 2)), 'NOTIMP'],
    ['two questions', changed((packet) => packet.writeUInt16BE(2, 4)), 'FORMERR'],
    ['no question', changed((packet) => packet.writeUInt16BE(0, 4)), 'FORMERR'],
    ['65535 additional records', changed((packet) => packet.writeUInt16BE(65_535, 10)), 'FORMERR'],
    ['an additional record that is not there', changed((packet) => packet.writeUInt16BE(1, 10)), 'FORMERR'],
    ['a name that points at itself', changed((packet) => packet.writeUInt16BE(0xc00c, 12)), 'FORMERR'],
    ['a name that does not end', changed((packet) => packet.writeUInt8(60, 12)), 'FORMERR'],
    ['another class', query('web', 'A', { class: 'CH' }), 'REFUSED'],
  ])('%s: %s', (_, packet, expected) => {
    expect(answered(packet)).toBe(expected);
  });

  it('is a later version of EDNS, whose code does not fit into the header', () => {
    const reply = server.respond(query('web', 'A', { edns: 1232, ednsVersion: 1 }), from) as Buffer;
    expect(decode(reply).additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1 }]);
  });

  it('never does any harm, whatever the bytes are', () => {
    let seed = 1;
    const random = (below: number): number => {
      // mulberry32: the same bytes each time.
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) % below;
    };
    const honest = [query('web', 'A', { edns: 1232 }), query('api', 'ANY'), query('2.0.1.10.in-addr.arpa', 'PTR', { edns: 512 })];
    for (let i = 0; i < 20_000; i++) {
      const packet = i % 2 ? Buffer.from(honest[random(3)] ?? '') : Buffer.alloc(random(80));
      const times = i % 2 ? 1 + random(4) : packet.length;
      for (let k = 0; k < times && packet.length > 0; k++) packet[random(packet.length)] = random(256);
      const cut = packet.subarray(0, random(4) === 0 ? random(packet.length + 1) : packet.length);
      const reply = server.respond(cut, from);
      if (Buffer.isBuffer(reply)) expect(reply.readUInt16BE(0)).toBe(cut.readUInt16BE(0));
    }
  });
});
