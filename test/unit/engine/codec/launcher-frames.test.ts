import { describe, expect, test } from 'vitest';
import { decodeFrames, encodeFrame } from '../../../../engine/codec/launcher-frames.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('encodeFrame', () => {
  test.each([
    [['1', 'ok'], '05000000 3100 6f6b00'],
    [['7', 'x', ''], '05000000 3700 7800 00'],
    [['ä'], '03000000 c3a400'],
  ])('writes the length in bytes, then each string with a NUL: %j', (strings, bytes) => {
    expect(encodeFrame(strings)).toEqual(hex(bytes));
  });

  test('refuses a string with a NUL in it', () => {
    expect(() => encodeFrame(['1', 'a\0b'])).toThrow('holds a NUL: "a\\u0000b"');
  });
});

describe('decodeFrames', () => {
  const two = Buffer.concat([encodeFrame(['1', 'ok']), encodeFrame(['2', '', 'ä'])]);

  test('cuts off every whole frame', () => {
    expect(decodeFrames(two)).toEqual({
      frames: [
        ['1', 'ok'],
        ['2', '', 'ä'],
      ],
      rest: Buffer.alloc(0),
    });
  });

  test('gives the same frames wherever the bytes are split', () => {
    for (let at = 0; at <= two.length; at++) {
      const first = decodeFrames(two.subarray(0, at));
      const second = decodeFrames(Buffer.concat([first.rest, two.subarray(at)]));
      expect([...first.frames, ...second.frames]).toEqual([
        ['1', 'ok'],
        ['2', '', 'ä'],
      ]);
      expect(second.rest).toHaveLength(0);
    }
  });
});
