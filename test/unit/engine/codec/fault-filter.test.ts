import { describe, expect, test } from 'vitest';
import { faultFilter } from '../../../../engine/codec/fault-filter.ts';

const LOST = 0x74730001;
const PASSED = 0x74730002;

describe('a filter', () => {
  const program = faultFilter({ sources: ['10.1.2.3', '10.1.2.4', 'fd00:1::2'], loss: 1, lost: LOST, passed: PASSED });

  test.each([
    ['a packet from one of its addresses', ipv4('10.1.2.3'), LOST],
    ['a packet from another one of them', ipv4('10.1.2.4'), LOST],
    ['a packet from elsewhere', ipv4('10.1.2.5'), 0],
    ['an IPv6 packet from one of its addresses', ipv6('fd000001000000000000000000000002'), LOST],
    ['an IPv6 packet that differs in the first word', ipv6('fd000002000000000000000000000002'), 0],
    ['an IPv6 packet that differs in the last word', ipv6('fd000001000000000000000000000003'), 0],
    ['an answer to who has an address', ipv6('fd000001000000000000000000000002', { next: 58, type: 136 }), 0],
    ['an ICMPv6 echo request', ipv6('fd000001000000000000000000000002', { next: 58, type: 128 }), LOST],
    ['an ICMPv6 type behind those of neighbour discovery', ipv6('fd000001000000000000000000000002', { next: 58, type: 138 }), LOST],
    ['an ARP request', { protocol: 0x0806, packet: Buffer.alloc(28) }, 0],
  ])('says of %s what it should', (_, { protocol, packet }, verdict) => {
    expect(run(program, { protocol, packet, random: 0 })).toBe(verdict);
  });

  test('loses the share of packets that it is told, and has the rest pass', () => {
    const third = faultFilter({ sources: ['10.1.2.3'], loss: 0.3, lost: LOST, passed: PASSED });
    const verdict = (random: number) => run(third, { ...ipv4('10.1.2.3'), random });
    expect([verdict(0), verdict(Math.floor(0.2999 * 2 ** 32)), verdict(Math.ceil(0.3001 * 2 ** 32)), verdict(2 ** 32 - 1)]).toEqual([
      LOST,
      LOST,
      PASSED,
      PASSED,
    ]);
  });

  test('that loses nothing asks for no random number', () => {
    const slow = faultFilter({ sources: ['10.1.2.3'], loss: 0, lost: 0, passed: PASSED });
    expect(run(slow, { ...ipv4('10.1.2.3'), random: undefined })).toBe(PASSED);
  });

  test('finds the last of as many addresses as it may have, within what the kernel takes', () => {
    const sources = Array.from({ length: 400 }, (_, i) => `fd00:1::${(i + 1).toString(16)}`);
    const long = faultFilter({ sources, loss: 1, lost: LOST, passed: 0 });
    expect(long.length / 8).toBeLessThanOrEqual(4096);
    expect(run(long, { ...ipv6(`fd00000100000000000000000000${(400).toString(16).padStart(4, '0')}`), random: 0 })).toBe(LOST);
  });

  test.each(['10.1.2', '10.1.2.256', 'fd00:1', 'fd00::g'])('is not made for `%s`, which is no address', (source) => {
    expect(() => faultFilter({ sources: [source], loss: 1, lost: LOST, passed: 0 })).toThrow(RangeError);
  });
});

function ipv4(source: string): { protocol: number; packet: Buffer } {
  const packet = Buffer.alloc(40);
  packet.set(source.split('.').map(Number), 12);
  return { protocol: 0x0800, packet };
}

function ipv6(
  source: string,
  { next, type }: { next: number; type: number } = { next: 17, type: 0 },
): { protocol: number; packet: Buffer } {
  const packet = Buffer.alloc(60);
  packet[6] = next;
  packet.set(Buffer.from(source, 'hex'), 8);
  packet[40] = type;
  return { protocol: 0x86dd, packet };
}

interface Input {
  readonly protocol: number;
  /** From the network header on. */
  readonly packet: Buffer;
  readonly random: number | undefined;
}

/** As the kernel runs it (linux/filter.h, linux/bpf_common.h), for the instructions that occur. */
function run(program: Uint8Array, { protocol, packet, random }: Input): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let a = 0;
  for (let pc = 0; ; pc++) {
    const [code, jt, jf, k] = [
      view.getUint16(pc * 8, true),
      view.getUint8(pc * 8 + 2),
      view.getUint8(pc * 8 + 3),
      view.getUint32(pc * 8 + 4, true),
    ];
    if (code === 0x06) return k;
    if (code === 0x20 && k === 0xfffff000) a = protocol;
    else if (code === 0x20 && k === 0xfffff038) {
      if (random === undefined) throw new Error('asked for a random number');
      a = random;
    } else if (code === 0x20) a = packet.readUInt32BE(k - 0xfff00000);
    else if (code === 0x30) a = packet.readUInt8(k - 0xfff00000);
    else if (code === 0x05) pc += k;
    else if (code === 0x15) pc += a === k ? jt : jf;
    else if (code === 0x25) pc += a > k ? jt : jf;
    else if (code === 0x35) pc += a >= k ? jt : jf;
    else throw new Error(`no instruction ${code.toString(16)}`);
  }
}
