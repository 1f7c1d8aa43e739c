import { expect, test } from 'vitest';
import { alignColumns, formatAge, formatBytes, formatDuration } from '../../../cli/format.ts';
import { logFormatter } from '../../../cli/log-printer.ts';
import { wantsColor } from '../../../cli/style.ts';

test.each([
  [true, {}, false, true],
  [false, {}, false, false],
  [true, { NO_COLOR: '1' }, false, false],
  [true, { NO_COLOR: '' }, false, true],
  [false, { FORCE_COLOR: '1' }, false, true],
  [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  [true, { FORCE_COLOR: '0' }, false, false],
  [true, { FORCE_COLOR: '1' }, true, false],
  [true, { TERM: 'dumb' }, false, false],
])('terminal %s, environment %j, --no-color %s: colors %s', (isTTY, env, option, expected) => {
  expect(wantsColor({ isTTY }, env, option)).toBe(expected);
});

test('each container has a color of its own, the same in every line', () => {
  const stream = { write() {}, isTTY: true, color: true, closed: new AbortController().signal };
  const format = logFormatter({ stream, containers: ['web-1', 'api-1'], prefix: true, timestamps: false, json: false });
  const line = (container: string) => format({ container, stream: 'stdout', time: '', text: 'x' });
  expect(line('api-1')).toBe('\x1b[33mapi-1  | \x1b[39mx');
  expect(line('web-1')).toBe('\x1b[36mweb-1  | \x1b[39mx');
  expect(line('api-1')).toBe(line('api-1'));
});

test('numbers are as people read them', () => {
  expect([312, 9_994, 9_999, 12_400, 185_000, 7_300_000, 200_000_000].map(formatDuration)).toEqual([
    '0.31 s',
    '9.99 s',
    '10 s',
    '12 s',
    '3 min',
    '2 h',
    '2 d',
  ]);
  expect([-5, 0, 4_900, 60_000].map(formatAge)).toEqual(['0 s', '0 s', '4 s', '60 s']);
  expect([0, 1023, 1536, 268_435_456, 85_899_345_920].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '256 MiB', '80 GiB']);
});

test('columns are as wide as their widest cell', () => {
  expect(
    alignColumns([
      ['A', 'B'],
      ['longer', ''],
      ['x', 'y'],
    ]),
  ).toBe('A       B\nlonger\nx       y\n');
});
