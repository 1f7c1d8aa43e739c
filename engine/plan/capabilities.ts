/** Capabilities by number (linux/capability.h) and the set a container has unless it says otherwise. */
const NUMBERS: Readonly<Record<string, number>> = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  LINUX_IMMUTABLE: 9,
  NET_BIND_SERVICE: 10,
  NET_BROADCAST: 11,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  IPC_OWNER: 15,
  SYS_MODULE: 16,
  SYS_RAWIO: 17,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_PACCT: 20,
  SYS_ADMIN: 21,
  SYS_BOOT: 22,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  SYS_TIME: 25,
  SYS_TTY_CONFIG: 26,
  MKNOD: 27,
  LEASE: 28,
  AUDIT_WRITE: 29,
  AUDIT_CONTROL: 30,
  SETFCAP: 31,
  MAC_OVERRIDE: 32,
  MAC_ADMIN: 33,
  SYSLOG: 34,
  WAKE_ALARM: 35,
  BLOCK_SUSPEND: 36,
  AUDIT_READ: 37,
  PERFMON: 38,
  BPF: 39,
  CHECKPOINT_RESTORE: 40,
};

/** Docker's set without NET_RAW, MKNOD, AUDIT_WRITE and SYS_CHROOT. */
const DEFAULT = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID'];

const DEFAULT_NUMBERS = DEFAULT.map((name) => NUMBERS[name] ?? 0).sort((a, b) => a - b);

/** Drops come first, then additions, as in Docker; `ALL` in either. Ascending numbers. */
export function capabilitySet(add: readonly string[], drop: readonly string[]): readonly number[] {
  if (add.length === 0 && drop.length === 0) return DEFAULT_NUMBERS;
  const dropped = new Set(drop.map(bareName));
  const kept = dropped.has('ALL') ? [] : DEFAULT.filter((name) => !dropped.has(name));
  const added = add.map(bareName);
  const all = added.includes('ALL') ? Object.keys(NUMBERS).filter((name) => !dropped.has(name)) : [...kept, ...added];
  return [...new Set(all.flatMap((name) => NUMBERS[name] ?? []))].sort((a, b) => a - b);
}

function bareName(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '');
}
