/**
 * The `status` file of a monitor → values: lines `key=value`, of which the last one of a key counts, and `state` is written
 * last (`native/launcher/PROTOCOL.md`). So what a new state brings counts only with it.
 */
import type { ContainerExit, ProcessIdentity } from '../model/container.ts';

/** As the monitor wrote it; whether it is still true is for the kernel to say. Times in ms since the epoch. */
export interface StatusFile {
  readonly state: 'created' | 'running' | 'stopped';
  readonly bootId: string;
  readonly monitor: ProcessIdentity;
  readonly init: ProcessIdentity;
  readonly createdAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly exit: ContainerExit | undefined;
}

/** Undefined: it is no status file. */
export function parseStatusFile(text: string): StatusFile | undefined {
  const values = new Map<string, string>();
  // What follows the last newline is half a line, still being written.
  for (const line of text.split('\n').slice(0, -1)) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const state = values.get('state');
  const bootId = values.get('boot');
  const monitor = parseIdentity(values.get('monitor'));
  const init = parseIdentity(values.get('init'));
  if (state !== 'created' && state !== 'running' && state !== 'stopped') return undefined;
  if (bootId === undefined || monitor === undefined || init === undefined) return undefined;
  return {
    state,
    bootId,
    monitor,
    init,
    createdAt: parseTime(values.get('created')),
    startedAt: state === 'created' ? undefined : parseTime(values.get('started')),
    finishedAt: state === 'stopped' ? parseTime(values.get('finished')) : undefined,
    exit: state === 'stopped' ? parseExit(values) : undefined,
  };
}

/** Start time of a process from /proc/<pid>/stat: field 22, in ticks since boot (proc(5)). Undefined: it is no such line. */
export function parseStartTime(stat: string): number | undefined {
  // The second field, the command in parentheses, may hold spaces and parentheses itself: count from the last one.
  const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return field === undefined || !/^\d+$/.test(field) ? undefined : Number(field);
}

function parseIdentity(text: string | undefined): ProcessIdentity | undefined {
  const match = /^(\d+) (\d+)$/.exec(text ?? '');
  return match === null ? undefined : { pid: Number(match[1]), startTime: Number(match[2]) };
}

/** ns → ms. */
function parseTime(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(BigInt(text) / 1_000_000n);
}

function parseExit(values: ReadonlyMap<string, string>): ContainerExit | undefined {
  const code = values.get('exit_code');
  if (code === undefined) return undefined;
  const signal = Number(values.get('signal') ?? 0);
  return {
    code: Number(code),
    signal: signal === 0 ? undefined : signal,
    oomKilled: values.get('oom') === '1',
    initKilled: values.get('init_killed') === '1',
    error: values.get('error'),
  };
}
