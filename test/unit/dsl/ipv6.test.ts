import { IPv6, IPv6CidrRange } from 'ip-num';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../../dsl/addresses.ts';
import { canonicalIpv6, formatIpv6, isUniqueLocal, parseCidr6, parseIpv6 } from '../../../dsl/ipv6.ts';

/** RFC 5952 has its examples in sections 1, 2 and 4. */
it.each<[string, string | undefined]>([
  ['2001:0DB8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8::0:1', '2001:db8::1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['::FFFF:c000:0201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['', undefined],
  [':', undefined],
  [':::', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4:5:6:7:8::', undefined],
  ['::12345', undefined],
  ['::g', undefined],
  ['1:', undefined],
  [':1', undefined],
  ['fe80::1%eth0', undefined],
  ['::192.0.2', undefined],
  ['::192.0.2.256', undefined],
  ['192.0.2.1', undefined],
  ['::1.2.3.4:5', undefined],
  [' ::1', undefined],
])('the address %j is %j', (text, canonical) => {
  expect(canonicalIpv6(text)).toBe(canonical);
});

/** Bits that make runs of zeros of all lengths, repeatable. */
function* addresses(): Generator<bigint> {
  let state = 1n;
  for (let round = 0; round < 300; round++) {
    let value = 0n;
    for (let group = 0; group < 8; group++) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
      const zero = (state >> 60n) % 2n === 0n;
      value = (value << 16n) | (zero ? 0n : (state >> 33n) & (0xffffn >> ((state >> 56n) % 16n)));
    }
    yield value;
  }
}

describe('what it says of an address', () => {
  it('ip-num says, too', () => {
    for (const value of addresses()) {
      expect(new IPv6(formatIpv6(value)).getValue()).toBe(value);
      expect(parseIpv6(new IPv6(value).toString())).toBe(value);
    }
  });

  it('is the text that the URL standard gives it', () => {
    for (const value of addresses()) {
      if (value >> 32n === 0xffffn) continue;
      expect(`[${formatIpv6(value)}]`).toBe(new URL(`http://[${new IPv6(value).toString()}]/`).hostname);
    }
  });
});

it('the bounds of a network are those of ip-num', () => {
  let prefix = 0;
  for (const value of addresses()) {
    prefix = (prefix + 7) % 129;
    const range = parseCidr6(`${formatIpv6(value)}/${prefix}`);
    const witness = IPv6CidrRange.fromCidr(`${new IPv6(value).toString()}/${prefix}`);
    expect(range).toEqual({
      address: value,
      prefix,
      first: witness.getFirst().getValue(),
      last: witness.getLast().getValue(),
    });
  }
});

it.each(['fd00::', 'fd00::/', 'fd00::/129', 'fd00::/1/1', 'fd00::/-1', '10.0.0.0/8', 'fd00::/0x1'])('%j is no network', (text) => {
  expect(parseCidr6(text)).toBeUndefined();
});

it('knows unique local addresses by their first seven bits', () => {
  const answers = ['fbff::', 'fc00::', 'fdff::1', 'fe00::'].map((text) => isUniqueLocal(parseIpv6(text) ?? 0n));
  expect(answers).toEqual([false, true, true, false]);
});

it.each<[string, string | undefined]>([
  ['192.0.2.1', '192.0.2.1'],
  ['[FD00::1]', 'fd00::1'],
  ['FD00:0::1', 'fd00::1'],
  ['[192.0.2.1]', undefined],
  ['[::1', undefined],
  ['localhost', undefined],
])('as an address of either family %j is %j', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});
