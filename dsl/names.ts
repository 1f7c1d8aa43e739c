/** Names that the kernel and the conventions of containers give. */

/** As `kill -l` prints them on Linux (signal(7)), the real-time ones left out. */
export const SIGNALS: readonly string[] = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ ' +
  'VTALRM PROF WINCH IO PWR SYS'
)
  .split(' ')
  .map((name) => `SIG${name}`);

/** linux/capability.h, in the order of their numbers, without CAP_. */
export const CAPABILITIES: readonly string[] = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST ' +
  'NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE ' +
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM ' +
  'BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** Sysctls that belong to a namespace of the container (namespaces(7)); any other would change the host. */
export function isNamespacedSysctl(name: string): boolean {
  return (
    /^net\./.test(name) || /^fs\.mqueue\./.test(name) || /^kernel\.(?:msg(?:max|mnb|mni)|sem|shm(?:all|max|mni|_rmid_forced))$/.test(name)
  );
}

export const STACK_NAME = /^[a-z0-9][a-z0-9_-]*$/;
export const MEMBER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** RFC 1123: labels of at most 63 characters. 64 in all is what sethostname(2) takes. */
export const HOSTNAME = /^(?=.{1,64}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
/** dev_valid_name() of net/core/dev.c: at most 15 bytes, without `/`, `:` and blanks, and neither `.` nor `..`. */
export const IFNAME = /^(?!\.{1,2}$)[\x21-\x2e\x30-\x39\x3b-\x7e]{1,15}$/;
/** As of names in the DNS (RFC 1035, 2.3.4), with the underscore that service labels have (RFC 2782), and a dot at the end or none. */
export const DOMAIN =
  /^(?=.{1,254}$)[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(?:\.[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*\.?$/;
