/** What a supervisor and its launcher hold. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { launchersOf } from '../support/supervised.ts';
import { until } from '../support/until.ts';

export interface Footprint {
  /** How many of each kind. */
  readonly fds: Readonly<Record<string, number>>;
  readonly launcherFds: Readonly<Record<string, number>>;
  /** Bytes that no other process shares, at rest. */
  readonly memory: number;
}

/** What a supervisor may cost when nothing happens. */
const MOST_BYTES = 45 * 1024 * 1024;

export async function footprintOf(supervisor: number): Promise<Footprint> {
  const [launcher] = launchersOf(supervisor);
  // Connections that are closing are among them for a moment: what counts is what stays.
  let fds = kinds(supervisor);
  for (let sample = 0; sample < 25; sample++) {
    await delay(20);
    const now = kinds(supervisor);
    if (total(now) < total(fds)) fds = now;
  }
  const atRest = { holds: (bytes: number) => bytes < MOST_BYTES, timeoutMs: 20_000 };
  return {
    fds,
    launcherFds: kinds(launcher),
    memory: await until('the supervisor has given memory back', () => privateBytes(supervisor), atRest),
  };
}

/** Those of which the old one has more. A young one may have opened for its first `up` what the old one has closed since. */
export function grown({ old, young }: { readonly old: Footprint; readonly young: Footprint }): readonly string[] {
  return Object.entries(old.fds).flatMap(([kind, count]) =>
    count > (young.fds[kind] ?? 0) ? [`${count} instead of ${young.fds[kind] ?? 0}: ${kind}`] : [],
  );
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** `unix`, `tcp`, `anon_inode`, or a path. */
function kinds(pid: number | undefined): Record<string, number> {
  const directory = `/proc/${pid}/fd`;
  const sockets = socketKinds(pid);
  const counts: Record<string, number> = {};
  for (const name of readdirSync(directory)) {
    // One that is closed meanwhile is on the move.
    const target = linkAt(`${directory}/${name}`);
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    const kind = inode === undefined ? kindOf(target) : (sockets.get(inode) ?? 'socket elsewhere');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function kindOf(target: string): string {
  return /^anon_inode:/.test(target) ? target : (/^[a-z_]+(?=:)/.exec(target)?.[0] ?? target.replace(/\d+/g, 'N'));
}

/** Column of the inode in proc_pid_net(5)'s tables. */
const SOCKET_TABLES = { unix: 6, netlink: 9, tcp: 9, tcp6: 9, udp: 9, udp6: 9 } as const;

/** By inode, of the network namespace that the process is in. */
function socketKinds(pid: number | undefined): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(SOCKET_TABLES).flatMap(([table, column]) =>
      readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .map((fields) => [fields[column] ?? '', describe(table, fields)] as const),
    ),
  );
}

/** Those of one kind that differ in their number only are alike. */
function describe(table: string, fields: readonly string[]): string {
  if (table === 'unix') return `unix ${fields[7] === undefined ? 'nameless' : (fields[7].split('/').at(-1) ?? '')}`;
  if (table === 'netlink') return `netlink protocol ${fields[1]}`;
  return `${table} at port ${Number.parseInt(fields[1]?.split(':').at(-1) ?? '', 16)}, state ${fields[3]}`;
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return 'gone';
  }
}

/** proc_pid_smaps(5), of all mappings together. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0);
}
