import { describe, expect, test } from 'vitest';
import {
  parseBootTime,
  parseCommandLine,
  parseNetworkCounters,
  parseProcessIo,
  parseProcessStat,
  parseProcessStatus,
  parseProportionalSet,
} from '../../../../engine/codec/proc-process.ts';

const STAT =
  '67 (a) S (b) S 23 67 20 0 -1 4194560 120 0 0 0 11 22 33 44 20 0 5 0 1234567 4653056 160 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n';

test('stat is counted from the last parenthesis, whatever the process calls itself', () => {
  expect(parseProcessStat(STAT)).toEqual({
    state: 'S',
    comm: 'a) S (b',
    parentPid: 23,
    cpuTicks: 33,
    childrenTicks: 77,
    threads: 5,
    startTicks: 1_234_567,
  });
  expect(parseProcessStat('')).toBeUndefined();
});

describe('status', () => {
  test('gives the number in each pid namespace, the effective user and the resident set', () => {
    const text = 'Name:\tsh\nPid:\t67\nUid:\t1000000\t1000033\t1000000\t1000000\nNSpid:\t67\t5\nVmRSS:\t     616 kB\n';
    expect(parseProcessStatus(text)).toEqual({ pids: [67, 5], uid: 1_000_033, residentBytes: 630_784 });
  });

  test('of a zombie has no memory', () => {
    expect(parseProcessStatus('Name:\tsh\nUid:\t0\t0\t0\t0\nNSpid:\t67\t5\n').residentBytes).toBe(0);
  });
});

test('the proportional set is told from its parts', () => {
  const text = '00400000-7ffc269ab000 ---p 00000000 00:00 0  [rollup]\nRss:  616 kB\nPss:  199 kB\nPss_Dirty:  75 kB\n';
  expect(parseProportionalSet(text)).toBe(203_776);
  expect(parseProportionalSet('')).toBeUndefined();
});

test('I/O is that with storage, not what was read from the cache or taken back', () => {
  const text = 'rchar: 9\nwchar: 8\nsyscr: 0\nsyscw: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n';
  expect(parseProcessIo(text)).toEqual({ readBytes: 4096, writtenBytes: 8192 });
});

test.each([
  ['sh\0-c\0sleep 1\nsleep 2\0', 'sh -c sleep 1 sleep 2'],
  ['tsstack-init\0\0\0\0\0', 'tsstack-init'],
  ['', ''],
])('the command line %j reads as %j', (text, expected) => {
  expect(parseCommandLine(text)).toBe(expected);
});

test('network counters are summed over all interfaces but loopback', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo:    7000      70    0    0    0     0          0         0     7000      70    0    0    0     0       0          0',
    '  eth0:     198       3    0    0    0     0          0         0       42       1    0    0    0     0       0          0',
    '  eth1:5000000000       3    0    0    0     0          0         0      8       1    0    0    0     0       0          0',
    '',
  ].join('\n');
  expect(parseNetworkCounters(text)).toEqual({ receivedBytes: 5_000_000_198, sentBytes: 50 });
});

test('the machine was booted at btime', () => {
  expect(parseBootTime('cpu  1 2 3\nctxt 5\nbtime 1795300000\nprocesses 7\n')).toBe(1_795_300_000_000);
});
