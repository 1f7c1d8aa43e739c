import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { errnoName, errnoNumber } from '../../../native/abi/errno.ts';

test('numbers agree with those this Node was built with, but for its second names', () => {
  const different = Object.entries(constants.errno).filter(([name, number]) => errnoName(number) !== name);
  expect(different.map(([name]) => name).sort()).toEqual(['ENOTSUP', 'EWOULDBLOCK']);
});

test('an errno has a name and the name its number', () => {
  expect(errnoName(95)).toBe('EOPNOTSUPP');
  expect(errnoNumber('EOPNOTSUPP')).toBe(95);
});

test('an errno without a name is told by its number', () => {
  expect(errnoName(4000)).toBe('errno 4000');
});
