import { expect, test } from 'vitest';
import type { Op, Plan, Step } from '../../../../engine/model/plan.ts';
import { resourcesOf, withoutBusy } from '../../../../engine/wiring/busy.ts';

const step = (id: number, resource: string, dependsOn: readonly number[] = [], kind: Op['kind'] = 'container.delete'): Step => ({
  id,
  resource,
  op: { kind, name: 'x' } as Op,
  cause: 'not found',
  dependsOn,
});
const plan = (...steps: readonly Step[]): Plan => ({
  stack: 'shop',
  steps,
  notices: [],
  confirmations: [],
  obstacles: [],
  waiting: {},
  unreached: [],
});
const ids = ({ steps }: Plan) => steps.map(({ id }) => id);

test('all that belongs to a container others work on is left to them', () => {
  const busy = resourcesOf([step(1, 'process:shop/web-1')]);
  const whole = plan(
    step(1, 'container:shop/web-1'),
    step(2, 'link:shop/web-1@front'),
    step(3, 'file:shop/web-1/hosts'),
    step(4, 'cgroup:shop/web-1'),
    step(5, 'container:shop/web-2'),
    step(6, 'link:shop/front'),
  );
  expect(ids(withoutBusy(whole, busy))).toEqual([5, 6]);
});

test('what depends on something that is left is left, too, over any number of steps', () => {
  const whole = plan(
    step(1, 'link:shop/front'),
    step(2, 'link:shop/web-1@front', [1]),
    step(3, 'process:shop/web-1', [2]),
    step(4, 'link:shop/back'),
  );
  expect(ids(withoutBusy(whole, resourcesOf([step(9, 'link:shop/front')])))).toEqual([4]);
});

test('that somebody waits for a container keeps nobody from it', () => {
  expect([...resourcesOf([step(1, 'process:shop/web-1', [], 'container.await')])]).toEqual([]);
});

test('a network is another thing than a container of that name', () => {
  const whole = plan(step(1, 'link:shop/web-1'), step(2, 'container:shop/web-1'));
  expect(ids(withoutBusy(whole, resourcesOf([step(1, 'link:shop/web-1')])))).toEqual([2]);
});
