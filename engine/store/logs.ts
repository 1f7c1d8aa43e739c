import { readdirSync } from 'node:fs';
import { logTime } from '../codec/log-lines.ts';
import type { LogLine, LogOptions } from '../model/engine.ts';
import type { ContainerName } from '../model/ids.ts';
import { ContainerLog } from './container-log.ts';
import { DirectoryChanges } from './directory-changes.ts';
import { mergeByTime } from './merge-by-time.ts';

export interface ReadLogsOptions extends LogOptions {
  /** Holds `<container>.log` and `<container>.log.1`. If it isn't there, there are no lines. */
  readonly directory: string;
}

/**
 * Lines of all containers' logs in order of time. Follows rotation, truncation, and files that appear later. When the signal aborts, what has been
 * written by then is still read: after a container's end its last words are not lost. Whoever wants to stop at once breaks out of the loop.
 * @throws TsstackError `not-found` if it is to follow a directory that isn't there.
 */
export async function* readLogs(options: ReadLogsOptions): AsyncGenerator<LogLine, void, undefined> {
  const logs = new Map<ContainerName, ContainerLog>();
  const since = options.since === undefined ? undefined : logTime(options.since);
  // Watched before the first read, so that nothing written in between is missed.
  const changes = options.follow ? new DirectoryChanges(options.directory, options.signal) : undefined;
  try {
    for (const name of containersIn(options)) logs.set(name, new ContainerLog(options.directory, name));
    yield* after(since, mergeByTime([...logs.values()].map((log) => log.backlog(options.tail))));
    for (let last = changes === undefined; !last; ) {
      const change = await changes?.next();
      last = change?.last ?? true;
      yield* after(since, mergeByTime(changedLogs(logs, options, change?.names ?? NOTHING, last).map((log) => log.news())));
    }
    yield* after(since, mergeByTime([...logs.values()].map((log) => log.rest())));
  } finally {
    changes?.[Symbol.dispose]();
    for (const log of logs.values()) log[Symbol.dispose]();
  }
}

function containersIn(options: ReadLogsOptions): ContainerName[] {
  const names = new Set<ContainerName>();
  for (const file of filesIn(options.directory)) {
    const container = containerOfFile(file, options.only);
    if (container !== undefined) names.add(container);
  }
  return [...names].sort();
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function changedLogs(
  logs: Map<ContainerName, ContainerLog>,
  options: ReadLogsOptions,
  files: ReadonlySet<string>,
  all: boolean,
): readonly ContainerLog[] {
  const changed = new Set<ContainerLog>(all ? logs.values() : []);
  for (const file of files) {
    const container = containerOfFile(file, options.only);
    if (container === undefined) continue;
    const log = logs.get(container) ?? new ContainerLog(options.directory, container);
    logs.set(container, log);
    changed.add(log);
  }
  return [...changed];
}

/** `web-1.log` and `web-1.log.1` → `web-1`, if it is among those asked for, by its own name or its service's. */
function containerOfFile(file: string, only: readonly string[] | undefined): ContainerName | undefined {
  const container = /^(.+)\.log(?:\.1)?$/.exec(file)?.[1];
  if (container === undefined || only === undefined) return container;
  const service = container.replace(/-\d+$/, '');
  return only.includes(container) || only.includes(service) ? container : undefined;
}

function* after(since: string | undefined, lines: Iterable<LogLine>): Generator<LogLine> {
  for (const line of lines) if (since === undefined || line.time >= since) yield line;
}

const NOTHING: ReadonlySet<string> = new Set();
