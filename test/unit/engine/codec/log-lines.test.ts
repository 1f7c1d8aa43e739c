import { describe, expect, test } from 'vitest';
import { closeLines, joinRecord, logTime, noOpenLines, parseLogRecord } from '../../../../engine/codec/log-lines.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const T = '2026-11-22T20:00:00.123456789Z';
function record(text: string | Uint8Array) {
  const parsed = parseLogRecord(typeof text === 'string' ? bytes(text) : text);
  if (parsed === undefined) throw new Error('did not parse');
  return parsed;
}

describe('a record', () => {
  test.each([
    [`${T} stdout F hello world`, { time: T, stream: 'stdout', partial: false, text: 'hello world' }],
    [`${T} stderr P half`, { time: T, stream: 'stderr', partial: true, text: 'half' }],
    [`${T} stdout F `, { time: T, stream: 'stdout', partial: false, text: '' }],
    [`${T} stdout F  two spaces `, { time: T, stream: 'stdout', partial: false, text: ' two spaces ' }],
    [`${T} stdout P:x tags to come`, { time: T, stream: 'stdout', partial: true, text: 'tags to come' }],
  ])('%j is read', (line, expected) => {
    const { text, ...rest } = record(line);
    expect({ ...rest, text: new TextDecoder().decode(text) }).toEqual(expected);
  });

  test.each(['', 'hello', `${T} stdout`, `${T} stdout F`, `${T} stdin F x`, `2026-11-22 stdout F x`, `${T} stdout X x`])(
    '%j is not one',
    (line) => {
      expect(parseLogRecord(bytes(line))).toBeUndefined();
    },
  );
});

describe('partial records', () => {
  test('are joined into one line with the time of the first', () => {
    const open = noOpenLines();
    expect(joinRecord(open, record(`${T} stdout P one `))).toBeUndefined();
    expect(joinRecord(open, record('2026-11-22T20:00:01.000000000Z stdout F two'))).toEqual({ time: T, stream: 'stdout', text: 'one two' });
  });

  test('of the two streams do not mix', () => {
    const open = noOpenLines();
    joinRecord(open, record(`${T} stdout P out `));
    joinRecord(open, record(`${T} stderr P err `));
    expect(joinRecord(open, record(`${T} stdout F 1`))?.text).toBe('out 1');
    expect(joinRecord(open, record(`${T} stderr F 2`))?.text).toBe('err 2');
  });

  test('cut inside a character give that character', () => {
    const euro = bytes('€');
    const open = noOpenLines();
    joinRecord(open, record(Buffer.concat([bytes(`${T} stdout P a`), euro.subarray(0, 2)])));
    expect(joinRecord(open, record(Buffer.concat([bytes(`${T} stdout F `), euro.subarray(2), bytes('b')])))?.text).toBe('a€b');
  });

  test('without an end are given when the log ends, in order of time', () => {
    const open = noOpenLines();
    joinRecord(open, record(`2026-11-22T20:00:02.000000000Z stdout P later`));
    joinRecord(open, record(`2026-11-22T20:00:01.000000000Z stderr P sooner`));
    expect(closeLines(open).map((line) => line.text)).toEqual(['sooner', 'later']);
    expect(closeLines(open)).toEqual([]);
  });

  test('that never end come out in pieces of bounded size', () => {
    const open = noOpenLines();
    const part = record(`${T} stdout P ${'x'.repeat(16384)}`);
    let lines = 0;
    for (let i = 0; i < 200; i++) if (joinRecord(open, part) !== undefined) lines++;
    expect(lines).toBe(3);
  });
});

test('a time in milliseconds gets the width of a record time', () => {
  expect(logTime(Date.UTC(2026, 10, 22, 20, 0, 0, 123))).toBe('2026-11-22T20:00:00.123000000Z');
});
