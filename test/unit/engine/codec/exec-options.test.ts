import { expect, test } from 'vitest';
import { type ExecSpec, encodeExecOptions } from '../../../../engine/codec/exec-options.ts';
import type { ContainerRecord } from '../../../../engine/model/container.ts';

const LAUNCH: Partial<ContainerRecord['launch']> = {
  cgroupUnified: '/u',
  cgroupLegacy: ['/m'],
  uid: 0,
  gid: 0,
  additionalGids: [7],
  capabilities: [5],
  seccompFile: '/f',
  workingDir: '/app',
  argv: ['server'],
  environment: { PATH: '/bin', A: 'container' },
};
const RECORD = { launch: LAUNCH } as ContainerRecord;
const PLAIN: ExecSpec = { argv: ['sh'], tty: false, interactive: true };
const encode = (change: Partial<ExecSpec>): string =>
  encodeExecOptions(RECORD, { pid: 42, startTime: 99 }, { ...PLAIN, ...change }).join(' ');

test('a command gets what the container has', () => {
  expect(encode({})).toBe(
    'exec --init-pid 42 --init-start-time 99 --cgroup-unified /u --cgroup-legacy /m' +
      ' --uid 0 --gid 0 --group 7 --capability 5 --seccomp /f --working-dir /app --env A=container --env PATH=/bin --arg sh',
  );
});

test.each<[string, Partial<ExecSpec>, string]>([
  ['a terminal', { tty: true }, ' --tty '],
  ['no standard input', { interactive: false }, ' --no-stdin '],
  ['a time limit, in whole milliseconds', { timeoutMs: 1500.2 }, ' --timeout-ms 1501 '],
  ['a time limit that never means none', { timeoutMs: 0 }, ' --timeout-ms 1 '],
  ['another user, without the groups of the first', { user: { uid: 1, gid: 2, additionalGids: [] } }, ' --uid 1 --gid 2 --capability '],
  ['another directory', { workingDir: '/tmp' }, ' --working-dir /tmp '],
  ['more environment, which wins', { environment: { A: 'mine', B: 'x' } }, ' --env A=mine --env B=x --env PATH=/bin '],
])('%s', (_, change, expected) => {
  expect(encode(change)).toContain(expected);
});
