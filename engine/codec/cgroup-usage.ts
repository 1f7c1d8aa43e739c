/** Files of a cgroup that tell what it has used → values. v1 and v2 by the names of their files. */

/** `usage_usec` of v2's `cpu.stat`, µs: every v2 cgroup has it, with or without the cpu controller (cgroup-v2.rst, "CPU Interface Files"). */
export function parseCpuStat(text: string): number | undefined {
  return keyed(text, 'usage_usec');
}

/** v1's `cpuacct.usage` is in ns (cgroup-v1/cpuacct.rst). → µs. */
export function parseCpuacctUsage(text: string): number {
  return Math.floor(Number(text) / 1000);
}

/**
 * What is used, without the part of the page cache that nobody has read twice: the kernel gives that back first. Never below 0, since the two
 * files are not read at one moment. `stat`: v2 `memory.stat`, or v1's, where `total_` counts the cgroups below too.
 */
export function workingSet(current: string, stat: string): number {
  const inactive = keyed(stat, 'total_inactive_file') ?? keyed(stat, 'inactive_file') ?? 0;
  return Math.max(0, Number(current) - inactive);
}

/** `max`, or in v1 the largest number of pages in bytes (mm/page_counter.c, PAGE_COUNTER_MAX): no limit. */
export function parseLimit(text: string): number | undefined {
  const value = text.trim() === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  // Pages are of up to 64 KiB, and Number() is exact to 1024 there.
  return value >= 2 ** 63 - 2 ** 17 ? undefined : value;
}

export interface IoBytes {
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** v2's `io.stat`: `8:0 rbytes=1 wbytes=2 rios=…`, a line a device. */
export function parseIoStat(text: string): IoBytes {
  return { readBytes: sum(text, /\brbytes=(\d+)/g), writtenBytes: sum(text, /\bwbytes=(\d+)/g) };
}

/** v1's `blkio.throttle.io_service_bytes_recursive`: `8:0 Read 1`, lines for each device, then a total of all kinds. */
export function parseIoServiceBytes(text: string): IoBytes {
  return { readBytes: sum(text, /^\d+:\d+ Read (\d+)$/gm), writtenBytes: sum(text, /^\d+:\d+ Write (\d+)$/gm) };
}

function keyed(text: string, key: string): number | undefined {
  const value = new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
}
