import { describe, expect, test } from 'vitest';
import { parseStartTime, parseStatusFile } from '../../../../engine/codec/container-status.ts';

const CREATED = 'boot=b-1\nmonitor=10 100\ninit=11 101\ncreated=1700000000123456789\nstate=created\n';
const RUNNING = `${CREATED}started=1700000001000000000\nstate=running\n`;

describe('parseStatusFile', () => {
  test('takes the last line of each key', () => {
    expect(parseStatusFile(RUNNING)).toEqual({
      state: 'running',
      bootId: 'b-1',
      monitor: { pid: 10, startTime: 100 },
      init: { pid: 11, startTime: 101 },
      createdAt: 1_700_000_000_123,
      startedAt: 1_700_000_001_000,
      finishedAt: undefined,
      exit: undefined,
    });
  });

  test.each([
    ['exit_code=0\nsignal=0\noom=0\n', { code: 0, signal: undefined, oomKilled: false, initKilled: false, error: undefined }],
    ['exit_code=137\nsignal=9\noom=1\n', { code: 137, signal: 9, oomKilled: true, initKilled: false, error: undefined }],
    [
      'exit_code=127\nsignal=0\noom=0\nerror=exec a=b: No such file or directory\n',
      { code: 127, signal: undefined, oomKilled: false, initKilled: false, error: 'exec a=b: No such file or directory' },
    ],
  ])('reads the end: %j', (lines, exit) => {
    expect(parseStatusFile(`${RUNNING}finished=1700000002000000000\n${lines}state=stopped\n`)).toMatchObject({
      state: 'stopped',
      finishedAt: 1_700_000_002_000,
      exit,
    });
  });

  test('is still in the state before, wherever the writing of the next one is cut off', () => {
    const last = 'finished=1700000002000000000\nexit_code=3\nsignal=0\noom=0\nstate=stopped\n';
    for (let at = 0; at < last.length; at++)
      expect(parseStatusFile(RUNNING + last.slice(0, at))).toMatchObject({ state: 'running', exit: undefined });
  });

  test.each([
    '',
    'state=created\n',
    'nonsense',
    CREATED.slice(0, -1),
    CREATED.replace('11 101', '11'),
    CREATED.replace('=created', '=dancing'),
  ])('knows no status in %j', (text) => {
    expect(parseStatusFile(text)).toBeUndefined();
  });
});

describe('parseStartTime', () => {
  const after = ' S 1 2 3 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 286564 0 0\n';
  test.each(['sh', 'a b', 'evil) R 1 1', ') S 1 2 3'])('counts from the last parenthesis, after the command %j', (command) => {
    expect(parseStartTime(`22108 (${command})${after}`)).toBe(286_564);
  });

  test('knows none in what is not a stat line', () => {
    expect(parseStartTime('')).toBeUndefined();
  });
});
