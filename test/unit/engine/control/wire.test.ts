import { expect, test } from 'vitest';
import { decodeEvent, encodeEvent } from '../../../../engine/control/wire.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';
import type { Plan, Step } from '../../../../engine/model/plan.ts';

const step = (id: number, resource: string): Step => ({
  id,
  resource,
  op: { kind: 'container.delete', name: resource },
  cause: 'not declared',
  dependsOn: [],
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
const started = (of: Step): EngineEvent => ({ type: 'step.started', at: 1, step: of });

/** What arrives of each event, through a socket that carries text. */
function through(...events: readonly EngineEvent[]): EngineEvent[] {
  return events.map((event) => decodeEvent(JSON.parse(JSON.stringify(encodeEvent(event)))));
}

test('who begins to listen in the middle of a plan is told its steps whole', () => {
  expect(through(started(step(7, 'container:shop/web-1')))).toMatchObject([{ step: { id: 7, resource: 'container:shop/web-1' } }]);
});

test('steps of two plans that are carried out at once are told apart, though their numbers are the same', () => {
  const [of, other] = [step(1, 'container:shop/web-1'), step(1, 'container:shop/db-1')];
  const told = through(
    { type: 'planned', at: 1, plan: plan(of) },
    started(of),
    { type: 'planned', at: 2, plan: plan(other) },
    started(other),
    {
      type: 'step.failed',
      at: 3,
      step: of,
      error: new Error('busy'),
    },
  );
  const steps = told.flatMap((event) => ('step' in event ? [event.step.resource] : []));
  expect(steps).toEqual(['container:shop/web-1', 'container:shop/db-1', 'container:shop/web-1']);
  expect(told.at(-1)).toMatchObject({ error: expect.objectContaining({ message: 'busy' }) });
});
