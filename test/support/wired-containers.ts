/** A container as the wiring sees it (record, status file, end), with nothing running behind it. One at a time has an end. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseStartTime } from '../../engine/codec/container-status.ts';
import type { ContainerRecord, ProcessIdentity } from '../../engine/model/container.ts';
import type { Session } from '../../engine/wiring/session.ts';

export interface WiredContainers extends Disposable {
  readonly session: Session;
  readonly logs: string;
  /** A container with this record. */
  make(name: string, record?: Partial<ContainerRecord>): ContainerRecord;
  /** It runs: this test's own process is its monitor and its init. */
  running(name: string, startedAt?: number): void;
  /** It has ended, and who waits for that is told. */
  ended(name: string, code: number, startedAt?: number): void;
  remove(name: string): void;
}

/** Runs the words after `--arg` here, without a container, and knows no timeout. */
const LAUNCHER = `#!/bin/sh
count=$#
while [ $count -gt 0 ]; do
  word=$1; shift; count=$((count - 1))
  case $word in
    --arg) set -- "$@" "$1"; shift; count=$((count - 1)) ;;
    --env) export "$1" ;;
    --uid) ASKED_UID=$1; export ASKED_UID ;;
  esac
done
exec "$@"
`;

export function wiredContainers(): WiredContainers {
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-wired-'));
  const paths = { containers: join(directory, 'containers'), logs: join(directory, 'logs') };
  for (const path of Object.values(paths)) mkdirSync(path);
  const launcherBinary = join(directory, 'launcher');
  writeFileSync(launcherBinary, LAUNCHER);
  chmodSync(launcherBinary, 0o755);
  let isOver = false;
  const waiters = new Set<() => void>();
  const startTime = parseStartTime(readFileSync(`/proc/${process.pid}/stat`, 'utf8'));
  const launcher = {
    waitExit: (_monitor: ProcessIdentity, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        signal.throwIfAborted();
        if (isOver) return resolve();
        waiters.add(resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  };
  const status = (container: string, lines: readonly string[]) =>
    writeFileSync(join(paths.containers, container, 'status'), `${lines.join('\n')}\n`);
  const identity = `${process.pid} ${startTime}`;
  const begun = (startedAt: number) => [
    'boot=boot',
    `monitor=${identity}`,
    `init=${identity}`,
    `created=${startedAt}000000`,
    `started=${startedAt}000000`,
  ];
  return {
    session: { paths, bootId: 'boot', launcher, launcherBinary } as unknown as Session,
    logs: paths.logs,
    make(container, parts = {}) {
      const record = { ...RECORD, name: container, ...parts } as ContainerRecord;
      mkdirSync(join(paths.containers, container), { recursive: true });
      writeFileSync(join(paths.containers, container, 'record.json'), JSON.stringify(record));
      return record;
    },
    running(container, startedAt = Date.now()) {
      isOver = false;
      status(container, [...begun(startedAt), 'state=running']);
    },
    ended(container, code, startedAt = Date.now()) {
      status(container, [...begun(startedAt), `finished=${startedAt + 1}000000`, `exit_code=${code}`, 'state=stopped']);
      isOver = true;
      for (const wake of waiters) wake();
    },
    remove: (container) => rmSync(join(paths.containers, container), { recursive: true }),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

const RECORD = {
  version: 1,
  service: 'web',
  kind: 'service',
  launch: {
    lowerdirs: [],
    uid: 0,
    gid: 0,
    additionalGids: [],
    capabilities: [],
    workingDir: '/',
    environment: { PATH: process.env['PATH'] ?? '/bin' },
    cgroupLegacy: [],
  },
  stopGracePeriodMs: 10_000,
  restart: { policy: 'no', maxRetries: undefined },
  addresses: {},
  ports: [],
  hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 30_000 },
};
