import { describe, expect, it } from 'vitest';
import { seccompProgram } from '../../../../engine/codec/seccomp.ts';
import { ALLOWED_WITH, ALWAYS_ALLOWED } from '../../../../engine/codec/seccomp-allowed.ts';
import { SYSCALLS } from '../../../../native/abi/syscalls.ts';
import { runFilter } from './bpf-interpreter.ts';

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const ARCHES = ['x64', 'arm64'] as const;
const [ALLOW, EPERM, ENOSYS, KILL] = [0x7fff0000, 0x00050001, 0x00050026, 0x80000000];

function numbers(arch: 'x64' | 'arm64'): Map<string, number> {
  return new Map(SYSCALLS[arch].flatMap((run) => run.names.split(/\s+/).map((name, index) => [name, run.first + index] as const)));
}
function decide(arch: 'x64' | 'arm64', name: string, options: { args?: readonly number[]; capabilities?: readonly number[] } = {}): number {
  const nr = numbers(arch).get(name);
  if (nr === undefined) throw new Error(`no ${name}`);
  return runFilter(seccompProgram(arch, { capabilities: options.capabilities ?? [] }), { arch: AUDIT[arch], nr, args: options.args ?? [] })
    .action;
}

describe('the tables of system calls', () => {
  it.each([
    ['x64', 'read', 0],
    ['x64', 'execve', 59],
    ['x64', 'mount', 165],
    ['x64', 'openat', 257],
    ['x64', 'rseq', 334],
    ['x64', 'clone3', 435],
    ['arm64', 'io_setup', 0],
    ['arm64', 'openat', 56],
    ['arm64', 'clone', 220],
    ['arm64', 'wait4', 260],
    ['arm64', 'rseq', 293],
    ['arm64', 'mseal', 462],
  ] as const)('on %s %s is %i', (arch, name, number) => {
    expect(numbers(arch).get(name)).toBe(number);
  });

  it('know every name that the lists of the filter use', () => {
    const known = new Set(ARCHES.flatMap((arch) => [...numbers(arch).keys()]));
    const used = [...ALWAYS_ALLOWED, ...Object.values(ALLOWED_WITH).flat()];
    expect(used.filter((name) => !known.has(name))).toEqual([]);
    expect(ALWAYS_ALLOWED).toHaveLength(new Set(ALWAYS_ALLOWED).size);
  });
});

describe.each(ARCHES)('seccompProgram for %s', (arch) => {
  it('decides every number as its lists say', () => {
    const program = seccompProgram(arch);
    const special = ['clone', 'clone3', 'socket', 'personality'];
    const wrong = [...numbers(arch)].filter(([name, nr]) => {
      const expected = ALWAYS_ALLOWED.includes(name) ? ALLOW : EPERM;
      return !special.includes(name) && runFilter(program, { arch: AUDIT[arch], nr }).action !== expected;
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    'mount',
    'umount2',
    'setns',
    'unshare',
    'bpf',
    'keyctl',
    'io_uring_setup',
    'reboot',
    'init_module',
    'userfaultfd',
    'pivot_root',
  ])('refuses %s', (name) => {
    expect(decide(arch, name)).toBe(EPERM);
  });

  it('kills a process of another architecture', () => {
    expect(runFilter(seccompProgram(arch), { arch: 0x40000003, nr: 1 }).action).toBe(KILL);
  });

  it('has never heard of numbers newer than its list, of x32, and of -1', () => {
    for (const nr of [470, 1000, 0x40000000, 0x40000001, 0xffffffff]) {
      expect(runFilter(seccompProgram(arch), { arch: AUDIT[arch], nr }).action).toBe(ENOSYS);
    }
  });

  it.each([
    ['clone', [0x01200011], ALLOW], // fork
    ['clone', [0x003d0f00], ALLOW], // pthread_create
    ['clone', [0x10000011], EPERM], // CLONE_NEWUSER
    ['clone', [0x00020011], EPERM], // CLONE_NEWNS
    ['clone', [0x02000011], EPERM], // CLONE_NEWCGROUP
    ['clone3', [0], ENOSYS],
    ['socket', [1], ALLOW],
    ['socket', [40], EPERM],
    ['personality', [0xffffffff], ALLOW],
    ['personality', [0], ALLOW],
    ['personality', [0x0040000], EPERM], // ADDR_NO_RANDOMIZE
  ] as const)('looks into the arguments of %s %j', (name, args, action) => {
    expect(decide(arch, name, { args })).toBe(action);
  });

  it('opens what an added capability is for', () => {
    expect(decide(arch, 'chroot')).toBe(EPERM);
    expect(decide(arch, 'chroot', { capabilities: [18] })).toBe(ALLOW);
    expect(decide(arch, 'mount', { capabilities: [21] })).toBe(ALLOW);
    expect(decide(arch, 'clone', { capabilities: [21], args: [0x10000011] })).toBe(ALLOW);
  });

  it('is a program that the kernel takes, and is never deep', () => {
    const program = seccompProgram(arch);
    expect(program.byteLength % 8).toBe(0);
    // Then no conditional jump, of one byte, can fall short.
    expect(program.byteLength / 8).toBeLessThan(256);
    const steps = [...numbers(arch).values()].map((nr) => runFilter(program, { arch: AUDIT[arch], nr }).steps);
    expect(Math.max(...steps)).toBeLessThanOrEqual(20);
  });
});
