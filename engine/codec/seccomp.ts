import {
  AF_VSOCK,
  AUDIT_ARCH_AARCH64,
  AUDIT_ARCH_X86_64,
  BPF_ALU,
  BPF_AND,
  BPF_JEQ,
  BPF_JGE,
  BPF_K,
  CLONE_NAMESPACES,
  ENOSYS,
  EPERM,
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_NR,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
} from '../../native/abi/bpf.ts';
import { SYSCALLS } from '../../native/abi/syscalls.ts';
import { answer, encodeProgram, type Instruction, jump, load } from './classic-bpf.ts';
import { ALLOWED_WITH, ALWAYS_ALLOWED } from './seccomp-allowed.ts';

export interface SeccompOptions {
  /** Capability numbers the container keeps: some open further system calls. Default: none. */
  readonly capabilities?: readonly number[];
}

const CAP_SYS_ADMIN = 21;

/**
 * The filter of a container as an array of `struct sock_filter`, little endian, for seccomp(2) SECCOMP_SET_MODE_FILTER.
 *
 * - another architecture (i386 on x64): the process is killed, for its numbers mean other calls
 * - allowed: ALLOW; `clone` without namespaces, `socket` but AF_VSOCK, `personality` of a few harmless values
 * - known and not allowed: EPERM
 * - unknown here, so newer than this list, or x32: ENOSYS, so that libc falls back to an older call
 * - `clone3` hides its flags in memory where no filter can see them: ENOSYS, so that libc falls back to `clone`
 *
 * Numbers are searched by halves: nine comparisons at most. For calls decided by number alone Linux ≥ 5.11 remembers ALLOW and skips the filter
 * (kernel/seccomp.c, seccomp_cache_prepare), which understands just the instructions used here.
 */
export function seccompProgram(arch: 'x64' | 'arm64', options: SeccompOptions = {}): Uint8Array {
  const ranges = rangesOf(decisions(arch, options.capabilities ?? []));
  return encodeProgram([
    load(SECCOMP_DATA_ARCH),
    jump(BPF_JEQ, arch === 'x64' ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64, { jt: 1, jf: 0 }),
    answer(SECCOMP_RET_KILL_PROCESS),
    load(SECCOMP_DATA_NR),
    ...search(ranges),
  ]);
}

/** What ends the search: instructions that leave the program on every path. */
type Decision = readonly Instruction[];
interface Range {
  /** First number; up to that of the next range. */
  readonly from: number;
  readonly decision: Decision;
}

const ALLOW: Decision = [answer(SECCOMP_RET_ALLOW)];
const REFUSE: Decision = [answer(SECCOMP_RET_ERRNO | EPERM)];
const UNKNOWN: Decision = [answer(SECCOMP_RET_ERRNO | ENOSYS)];

/** Allowed if some of the flags' bits are not set. */
const CLONE: Decision = [
  load(SECCOMP_DATA_ARGS),
  { code: BPF_ALU | BPF_AND | BPF_K, jt: 0, jf: 0, k: CLONE_NAMESPACES },
  jump(BPF_JEQ, 0, { jt: 0, jf: 1 }),
  ...ALLOW,
  ...REFUSE,
];
/** AF_VSOCK reaches past every namespace to the hypervisor. */
const SOCKET: Decision = [load(SECCOMP_DATA_ARGS), jump(BPF_JEQ, AF_VSOCK, { jt: 0, jf: 1 }), ...REFUSE, ...ALLOW];
/** PER_LINUX, PER_LINUX32, each with UNAME26 (linux/personality.h), and the question what it is. None lowers the address space's guard. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
const PERSONALITY: Decision = [
  load(SECCOMP_DATA_ARGS),
  ...PERSONALITIES.map((value, index) => jump(BPF_JEQ, value, { jt: PERSONALITIES.length - index, jf: 0 })),
  ...REFUSE,
  ...ALLOW,
];

function decisions(arch: 'x64' | 'arm64', capabilities: readonly number[]): Map<number, Decision> {
  const allowed = new Set([...ALWAYS_ALLOWED, ...capabilities.flatMap((capability) => ALLOWED_WITH[capability] ?? [])]);
  const byName: Record<string, Decision> = {
    clone: capabilities.includes(CAP_SYS_ADMIN) ? ALLOW : CLONE,
    clone3: allowed.has('clone3') ? ALLOW : UNKNOWN,
    socket: SOCKET,
    personality: PERSONALITY,
  };
  const found = new Map<number, Decision>();
  for (const run of SYSCALLS[arch]) {
    run.names.split(/\s+/).forEach((name, index) => {
      found.set(run.first + index, byName[name] ?? (allowed.has(name) ? ALLOW : REFUSE));
    });
  }
  return found;
}

/** Neighbours with the same decision become one range; the first starts at 0, the last has no end and is UNKNOWN (x32 numbers too). */
function rangesOf(decided: ReadonlyMap<number, Decision>): Range[] {
  const last = Math.max(...decided.keys());
  const ranges: Range[] = [];
  for (let number = 0; number <= last + 1; number++) {
    const decision = decided.get(number) ?? UNKNOWN;
    if (ranges.at(-1)?.decision !== decision) ranges.push({ from: number, decision });
  }
  return ranges;
}

/** A binary tree laid out in order: compare with the middle, the lower half, the upper half. */
function search(ranges: readonly Range[]): Instruction[] {
  const middle = Math.ceil(ranges.length / 2);
  const pivot = ranges[middle];
  if (pivot === undefined) return [...(ranges[0]?.decision ?? UNKNOWN)];
  const lower = search(ranges.slice(0, middle));
  const upper = search(ranges.slice(middle));
  // A conditional jump reaches 255 instructions, which is more than there are in all.
  return [jump(BPF_JGE, pivot.from, { jt: lower.length, jf: 0 }), ...lower, ...upper];
}
