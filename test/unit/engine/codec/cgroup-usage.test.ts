import { describe, expect, test } from 'vitest';
import {
  parseCpuacctUsage,
  parseCpuStat,
  parseIoServiceBytes,
  parseIoStat,
  parseLimit,
  workingSet,
} from '../../../../engine/codec/cgroup-usage.ts';

test('CPU time is in µs: v2 says so, v1 counts ns', () => {
  expect(parseCpuStat('usage_usec 3283\nuser_usec 3000\nsystem_usec 283\n')).toBe(3283);
  expect(parseCpuacctUsage('3283999\n')).toBe(3283);
});

describe('the working set', () => {
  test.each([
    ['v2', 'anon 100\nfile 50\ninactive_anon 0\nactive_anon 100\ninactive_file 300\nactive_file 20\n'],
    [
      'v1, with all below it',
      'inactive_file 1\nactive_file 2\nhierarchical_memory_limit 9\ntotal_inactive_file 300\ntotal_active_file 20\n',
    ],
  ])('leaves out inactive page cache of %s', (_version, stat) => {
    expect(workingSet('1000\n', stat)).toBe(700);
  });

  test('is never less than nothing', () => {
    expect(workingSet('100\n', 'inactive_file 300\n')).toBe(0);
  });
});

test.each([
  ['67108864\n', 67_108_864],
  ['max\n', undefined],
  ['9223372036854771712\n', undefined],
  ['9223372036854710272\n', undefined],
])('the limit %j is %j', (text, expected) => {
  expect(parseLimit(text)).toBe(expected);
});

test('I/O is summed over devices', () => {
  expect(
    parseIoStat('8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=5 dios=0\n259:1 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n'),
  ).toEqual({
    readBytes: 11,
    writtenBytes: 22,
  });
  expect(parseIoServiceBytes('8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\n8:16 Read 1\n8:16 Write 2\nTotal 33\n')).toEqual({
    readBytes: 11,
    writtenBytes: 22,
  });
  expect(parseIoStat('')).toEqual({ readBytes: 0, writtenBytes: 0 });
});
