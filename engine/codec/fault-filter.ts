/** A program of classic BPF that tells by a packet's source address which class it belongs to (net/sched/cls_bpf.c). */
import { BPF_B, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, SKF_AD_PROTOCOL, SKF_AD_RANDOM, SKF_NET_OFF } from '../../native/abi/bpf.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../native/abi/pkt_sched.ts';
import { answer, encodeProgram, type Instruction, jump, load } from './classic-bpf.ts';
import { parseIp } from './ip.ts';

export interface Classification {
  /** IPv4 and IPv6 addresses; at most 400: a program holds 4096 instructions (BPF_MAXINSNS), and an IPv6 address takes nine. */
  readonly sources: readonly string[];
  /** 0 … 1: the share that goes to `lost`. */
  readonly loss: number;
  /** Handles of classes. 0: none, the packet is for the next filter. */
  readonly lost: number;
  readonly passed: number;
}

/**
 * Neighbour discovery (RFC 4861) is left alone, as ARP is: who can't send in one direction must still be found in the other. Throws RangeError
 * for what is no address.
 */
export function faultFilter({ sources, ...verdict }: Classification): Uint8Array {
  const addresses = sources.map(wordsOf);
  const matching = (family: Words['family'], match: (words: readonly number[]) => Instruction[]) =>
    addresses.flatMap((address): Line[] => (address.family === family ? [...match(address.words), 'verdict'] : []));
  const four: Line[] = [load(SKF_NET_OFF + IPV4_SOURCE), ...matching(4, matchIpv4), NONE];
  const six: Line[] = [...NEIGHBOUR_DISCOVERY, ...matching(6, matchIpv6), NONE];
  const begin: Line[] = [
    load(SKF_AD_PROTOCOL),
    jump(BPF_JEQ, ETH_P_IP, { jt: 3, jf: 0 }),
    jump(BPF_JEQ, ETH_P_IPV6, { jt: 1, jf: 0 }),
    NONE,
    always(four.length),
  ];
  const lines = [...begin, ...four, ...six];
  // By a jump of its own: that of a comparison reaches no further than 255 instructions.
  const placed = lines.map((line, index) => (line === 'verdict' ? always(lines.length - index - 1) : line));
  return encodeProgram([...placed, ...decideLoss(verdict)]);
}

type Line = Instruction | 'verdict';

function decideLoss({ loss, lost, passed }: Omit<Classification, 'sources'>): Instruction[] {
  if (loss <= 0) return [answer(passed)];
  if (loss >= 1) return [answer(lost)];
  return [
    load(SKF_AD_RANDOM),
    jump(BPF_JGE, Math.min(0xffffffff, Math.round(loss * 2 ** 32)), { jt: 1, jf: 0 }),
    answer(lost),
    answer(passed),
  ];
}

/** Its one word was loaded before: it is the same for all. */
function matchIpv4(words: readonly number[]): Instruction[] {
  return words.map((word) => jump(BPF_JEQ, word, { jt: 0, jf: 1 }));
}

/** Word by word; the first that differs leads behind the jump that follows. */
function matchIpv6(words: readonly number[]): Instruction[] {
  return words.flatMap((word, i) => [load(SKF_NET_OFF + IPV6_SOURCE + 4 * i), jump(BPF_JEQ, word, { jt: 0, jf: 7 - 2 * i })]);
}

function always(distance: number): Instruction {
  return { code: BPF_JMP | BPF_JA, jt: 0, jf: 0, k: distance };
}

interface Words {
  readonly family: 4 | 6;
  /** Of 32 bits, the first one first: one of IPv4, four of IPv6. */
  readonly words: readonly number[];
}

function wordsOf(address: string): Words {
  const ip = parseIp(address);
  if (!ip) throw new RangeError(`\`${address}\` is no IP address`);
  const shifts = ip.family === 4 ? [0n] : [96n, 64n, 32n, 0n];
  return { family: ip.family, words: shifts.map((shift) => Number((ip.value >> shift) & 0xffffffffn)) };
}

/** Offsets in the headers (RFC 791, 3.1; RFC 8200, 3). */
const IPV4_SOURCE = 12;
const IPV6_NEXT_HEADER = 6;
const IPV6_SOURCE = 8;
const IPV6_PAYLOAD = 40;

const IPPROTO_ICMPV6 = 58;
/** Types of router solicitation and of redirect, the first and the last of neighbour discovery's. */
const ND_ROUTER_SOLICIT = 133;
const ND_REDIRECT = 137;

const NONE: Instruction = answer(0);
const NEIGHBOUR_DISCOVERY: readonly Instruction[] = [
  load(SKF_NET_OFF + IPV6_NEXT_HEADER, BPF_B),
  jump(BPF_JEQ, IPPROTO_ICMPV6, { jt: 0, jf: 4 }),
  load(SKF_NET_OFF + IPV6_PAYLOAD, BPF_B),
  jump(BPF_JGE, ND_ROUTER_SOLICIT, { jt: 0, jf: 2 }),
  jump(BPF_JGT, ND_REDIRECT, { jt: 1, jf: 0 }),
  NONE,
];
