import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { containerExecutors } from '../../../../engine/kernel/containers.ts';
import type { Launcher } from '../../../../engine/kernel/launcher.ts';

const NEVER = new AbortController().signal;
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tsstack-containers-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function executors(launcher: Partial<Launcher>) {
  return containerExecutors({
    containersDirectory: base,
    bootId: 'boot',
    launcher: () => launcher as Launcher,
    onCreated: () => undefined,
    onWarning: () => undefined,
    signalNumber: () => 15,
    hurry: NEVER,
  });
}

it('removes what a container wrote, even where paths are too long for a system call', async () => {
  const name = 'd'.repeat(200);
  mkdirSync(join(base, 'web-1', 'upper'), { recursive: true });
  const script = `cd ${join(base, 'web-1', 'upper')} && for i in $(seq 40); do mkdir ${name} && cd -P ${name} || exit 1; done; : > file`;
  execFileSync('bash', ['-c', script]);
  await executors({})['container.delete']({ kind: 'container.delete', name: 'web-1' }, NEVER);
  expect(existsSync(join(base, 'web-1'))).toBe(false);
});

it('waits for a grace period longer than a timer can be', async () => {
  const process = { pid: 7, startTime: 1 };
  const status = {
    state: 'running' as const,
    monitor: process,
    init: process,
    createdAt: 1,
    startedAt: 1,
    finishedAt: undefined,
    exit: undefined,
  };
  const signals: number[] = [];
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const launcher = {
    signal: async (_process: unknown, signal: number) => {
      signals.push(signal);
      // Long after a timer of 1 ms, and after whatever it leads to.
      setTimeout(end, 20);
      return true;
    },
    waitExit: () => ended,
  };
  const stop = { kind: 'container.stop', name: 'web-1', status, stopSignal: 'SIGTERM', stopGracePeriodMs: 30 * 86_400_000 } as const;
  await executors(launcher)['container.stop'](stop, NEVER);
  expect(signals).toEqual([15]);
});
