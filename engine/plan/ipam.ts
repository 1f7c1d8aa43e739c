/**
 * Free subnets and free addresses, of both families. Pure: what is taken comes in, what is given out goes back. Each question takes the
 * same time however many there are, so that a thousand networks are given out in milliseconds.
 */
import { BITS, formatIp, type IpRange, parseIp, parseNetwork, rangesOverlap } from '../codec/ip.ts';
import { sha256Hex } from './names.ts';

/** Where subnets are chosen from: so many of one size in a row. */
export interface SubnetPool {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly prefix: number;
  readonly slots: number;
}

export function subnetPool(cidr: string, prefix: number): SubnetPool {
  const { family, first, prefix: length } = parseNetwork(cidr);
  return { family, first, prefix, slots: 2 ** (prefix - length) };
}

/** One /24 a network: 16,384 of them. */
export const POOL4 = subnetPool('10.128.0.0/10', 24);

export interface HeldRange {
  readonly range: IpRange;
  /** For people: `host route \`10.0.0.0/8\``. */
  readonly holder: string;
}

export interface FreeSubnets {
  /** Who has some of it. Undefined: nobody. */
  holderOf(range: IpRange): string | undefined;
  take(range: IpRange, holder: string): void;
  /**
   * One that nobody has, not taken yet. Where to look first comes from the seed, so that a network tends to get the same subnet again.
   * Undefined: the pool is used up.
   */
  choose(seed: string): IpRange | undefined;
}

/** `foreign`: what is taken beforehand, of whichever family, inside the pool or not. */
export function freeSubnets(pool: SubnetPool, foreign: readonly HeldRange[]): FreeSubnets {
  const marks = new Uint8Array(pool.slots);
  const held = foreign.filter(({ range }) => range.family === pool.family);
  for (const { range } of held) mark(pool, marks, range);
  // Made when somebody has something of a range that is asked for: where all keep what they had, never.
  let others: ReturnType<typeof heldIndex> | undefined;
  const mine: HeldRange[] = [];
  return {
    holderOf(range) {
      const slots = slotsOf(pool, range);
      if (slots?.inside && !marks.subarray(slots.from, slots.to + 1).includes(1)) return undefined;
      others ??= heldIndex(held);
      return others(range) ?? mine.find((one) => rangesOverlap(one.range, range))?.holder;
    },
    take(range, holder) {
      mine.push({ range, holder });
      mark(pool, marks, range);
    },
    choose(seed) {
      const start = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) % pool.slots;
      const behind = marks.indexOf(0, start);
      const slot = behind === -1 ? marks.indexOf(0) : behind;
      return slot === -1 ? undefined : slotRange(pool, slot);
    },
  };
}

/** Answers in logarithmic time who has some of a range: by first address, with the furthest last address of all up to there. */
function heldIndex(held: readonly HeldRange[]): (range: IpRange) => string | undefined {
  const sorted = [...held].sort((a, b) => (a.range.first < b.range.first ? -1 : a.range.first > b.range.first ? 1 : 0));
  const furthest: HeldRange[] = [];
  for (const one of sorted) {
    const before = furthest.at(-1);
    furthest.push(before && before.range.last >= one.range.last ? before : one);
  }
  return ({ first, last }) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle]?.range.first ?? 0n) <= last) low = middle + 1;
      else high = middle;
    }
    const reaching = furthest[low - 1];
    return reaching && reaching.range.last >= first ? reaching.holder : undefined;
  };
}

/** The slots it has some of. Undefined: none. `inside`: it has nothing else. */
function slotsOf(
  pool: SubnetPool,
  { first, last }: IpRange,
): { readonly from: number; readonly to: number; readonly inside: boolean } | undefined {
  const bits = BigInt(BITS[pool.family] - pool.prefix);
  const end = pool.first + (BigInt(pool.slots) << bits) - 1n;
  if (last < pool.first || first > end) return undefined;
  const slot = (value: bigint) => Number((value - pool.first) >> bits);
  const inside = first >= pool.first && last <= end;
  return { from: first <= pool.first ? 0 : slot(first), to: last >= end ? pool.slots - 1 : slot(last), inside };
}

function mark(pool: SubnetPool, marks: Uint8Array, range: IpRange): void {
  const slots = slotsOf(pool, range);
  if (slots) marks.fill(1, slots.from, slots.to + 1);
}

function slotRange({ family, first, prefix }: SubnetPool, slot: number): IpRange {
  const bits = BigInt(BITS[family] - prefix);
  const start = first + (BigInt(slot) << bits);
  return { family, first: start, last: start + (1n << bits) - 1n, prefix };
}

/** The first address, which is the gateway's unless something else is declared. */
export function firstAddress({ family, first }: IpRange): string {
  return formatIp({ family, value: first + 1n });
}

/**
 * Gives out the lowest free address of a range again and again. `taken` may grow meanwhile, but an address that was once passed over is
 * not looked at again. What a subnet has for itself is left out: its own address (of IPv6 that of all its routers, RFC 4291, 2.6.1), and
 * of IPv4 the broadcast address. Undefined: it is full.
 */
export function addressChooser(subnet: IpRange, from: IpRange, taken: ReadonlySet<bigint>): () => bigint | undefined {
  const last = subnet.family === 4 ? subnet.last - 1n : subnet.last;
  let next = from.first > subnet.first ? from.first : subnet.first + 1n;
  return () => {
    while (next <= from.last && next <= last) {
      const value = next++;
      if (!taken.has(value)) return value;
    }
    return undefined;
  };
}

/** Throws on what is no address: what comes here was checked before. */
export function addressValue(address: string): bigint {
  const parsed = parseIp(address);
  if (!parsed) throw new Error(`not an IP address: ${address}`);
  return parsed.value;
}
