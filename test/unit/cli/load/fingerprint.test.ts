import { expect, it } from 'vitest';
import { fingerprint } from '../../../../cli/load/fingerprint.ts';

it('is the same for the same data, made twice', () => {
  const make = () => ({ a: [1, 'x', null, undefined, true], b: { c: {} }, d: undefined });
  expect(fingerprint(make())).toBe(fingerprint(make()));
});

it.each([
  [{ a: undefined }, {}],
  [{ a: null }, { a: undefined }],
  [{ a: 1 }, { a: '1' }],
  [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ],
  [[['a'], 'b'], [['a', 'b']]],
  [{ a: Number.NaN }, { a: null }],
  [{ a: 0 }, { a: -0 }],
  [{ 'a":1,"b': 1 }, { a: 1, b: 1 }],
  [{ a: () => 1 }, {}],
  [{ a: () => 1 }, { a: 'function' }],
  [/a/, /b/],
  [/a/, /a/i],
  [/a/, '/a/'],
])('differs between %j and %j', (a, b) => {
  expect(fingerprint(a)).toBeDefined();
  expect(fingerprint(a)).not.toBe(fingerprint(b));
});

it('tells of a function only that there is one, for no more of it is in a spec', () => {
  expect(fingerprint({ onHealthy: () => 1 })).toBe(fingerprint({ onHealthy: async () => 2 }));
});

it.each([[Symbol('x')], [1n], [new Date(0)], [new Map()], [{ deep: [new Set()] }]])('says nothing of what is no plain data', (value) => {
  expect(fingerprint(value)).toBeUndefined();
});
