/** Files of /proc/<pid> that tell what a process is and what it has used → values. */

/** CLK_TCK: what /proc counts time in. USER_HZ is 100 on every architecture that Node runs on (asm-generic/param.h). */
export const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  /** `R`, `S`, `Z`, … */
  readonly state: string;
  /** What the kernel calls it: at most 15 characters of its file's name. */
  readonly comm: string;
  /** 0: it is outside of the pid namespace that /proc shows. */
  readonly parentPid: number;
  /** User and system time of all its threads, ticks. */
  readonly cpuTicks: number;
  /** The same of children that have ended and were waited for, and of theirs. */
  readonly childrenTicks: number;
  readonly threads: number;
  /** Ticks since boot. */
  readonly startTicks: number;
}

/** /proc/<pid>/stat (proc_pid_stat(5)). Undefined: it is no such line. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  // The command may hold spaces and parentheses itself: fields are counted from the last one. The first after it is field 3.
  const [open, close] = [text.indexOf('('), text.lastIndexOf(')')];
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const number = (field: number) => Number(fields[field - 3] ?? 0);
  return {
    state: fields[0] ?? '',
    comm: text.slice(open + 1, close),
    parentPid: number(4),
    cpuTicks: number(14) + number(15),
    childrenTicks: number(16) + number(17),
    threads: number(20),
    startTicks: number(22),
  };
}

export interface ProcessStatus {
  /** Its number in each pid namespace, the one that /proc shows first. More than one: it is in another than that. */
  readonly pids: readonly number[];
  /** Effective user id on the host. */
  readonly uid: number;
  /** Resident set, bytes. 0 of a zombie. */
  readonly residentBytes: number;
}

/** /proc/<pid>/status (proc_pid_status(5)). */
export function parseProcessStatus(text: string): ProcessStatus {
  const values = (name: string) => numbers(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? '');
  return { pids: values('NSpid'), uid: values('Uid')[1] ?? 0, residentBytes: (values('VmRSS')[0] ?? 0) * 1024 };
}

/** Bytes of `Pss` of /proc/<pid>/smaps_rollup: its memory, of what it shares its share. Undefined: there is no such line. */
export function parseProportionalSet(text: string): number | undefined {
  const [kib] = numbers(/^Pss:(.*)$/m.exec(text)?.[1] ?? '');
  return kib === undefined ? undefined : kib * 1024;
}

/** /proc/<pid>/io (proc_pid_io(5)): bytes that came from and go to storage, for children that were waited for too. */
export function parseProcessIo(text: string): { readonly readBytes: number; readonly writtenBytes: number } {
  const value = (name: string) => numbers(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? '')[0] ?? 0;
  return { readBytes: value('read_bytes'), writtenBytes: value('write_bytes') };
}

/** The words of /proc/<pid>/cmdline on one line. Empty for a zombie; a title that was written over them ends at its padding. */
export function parseCommandLine(text: string): string {
  return text.replace(/\0+$/, '').replaceAll('\0', ' ').replaceAll(/\s+/g, ' ').trim();
}

/** Sums over the lines of /proc/<pid>/net/dev but that of `lo` (proc_pid_net(5)). */
export function parseNetworkCounters(text: string): { readonly receivedBytes: number; readonly sentBytes: number } {
  let [receivedBytes, sentBytes] = [0, 0];
  // Two lines of headings.
  for (const line of text.split('\n').slice(2)) {
    const colon = line.indexOf(':');
    if (colon < 0 || line.slice(0, colon).trim() === 'lo') continue;
    const counters = numbers(line.slice(colon + 1));
    // Eight columns of what was received, then eight of what was sent; bytes are the first of each.
    receivedBytes += counters[0] ?? 0;
    sentBytes += counters[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}

/** Seconds since the epoch at which the machine was booted, of /proc/stat, in ms. */
export function parseBootTime(text: string): number {
  return (numbers(/^btime(.*)$/m.exec(text)?.[1] ?? '')[0] ?? 0) * 1000;
}

function numbers(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}
