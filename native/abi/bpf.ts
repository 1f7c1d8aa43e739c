/** linux/bpf_common.h and linux/filter.h: classic BPF, `struct sock_filter { __u16 code; __u8 jt; __u8 jf; __u32 k; }`. */
export const BPF_LD = 0x00;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_W = 0x00;
export const BPF_B = 0x10;
export const BPF_ABS = 0x20;
export const BPF_AND = 0x50;
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_K = 0x00;

/** linux/filter.h: offsets of BPF_ABS that are no place in the packet. Protocol: that of linux/if_ether.h. */
export const SKF_AD_PROTOCOL = 0xfffff000;
export const SKF_AD_RANDOM = 0xfffff038;
/** Added to it: from the network header on. */
export const SKF_NET_OFF = 0xfff00000;

/** linux/seccomp.h */
export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
export const SECCOMP_RET_ERRNO = 0x00050000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;
/** linux/seccomp.h: offsets in `struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; }`. */
export const SECCOMP_DATA_NR = 0;
export const SECCOMP_DATA_ARCH = 4;
export const SECCOMP_DATA_ARGS = 16;

/** linux/audit.h */
export const AUDIT_ARCH_X86_64 = 0xc000003e;
export const AUDIT_ARCH_AARCH64 = 0xc00000b7;

/** asm/unistd.h of x86: added to the number of every x32 system call. */
export const __X32_SYSCALL_BIT = 0x40000000;

/** linux/sched.h: every flag of clone(2) that makes a namespace. CLONE_NEWTIME is none of clone(2)'s. */
export const CLONE_NAMESPACES = 0x7e020000;

/** linux/socket.h */
export const AF_VSOCK = 40;

/** asm-generic/errno-base.h, asm-generic/errno.h */
export const EPERM = 1;
export const ENOSYS = 38;
