import { expect, test } from 'vitest';
import { surroundings } from '../../../../engine/wiring/supervision.ts';

test('a container whose end nobody has heard of yet, and one that is back soon, are taken for running', () => {
  const containers = { running: ['web-1'], restarts: { backSoon: ['web-2'] } };
  expect(surroundings({ stopped: new Set(['db-1']), containers, underWay: new Set() })).toEqual({
    stopped: ['db-1'],
    returning: ['web-1', 'web-2'],
  });
});
