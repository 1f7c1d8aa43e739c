import { TsstackError } from '../engine/model/errors.ts';
import type { EngineEvent } from '../engine/model/events.ts';
import type { Step } from '../engine/model/plan.ts';

/** An event as plain data: errors as `{ message, code, hint }`, steps without their operations' arguments, which hold environments, and so secrets. */
export function eventDocument(event: EngineEvent): Readonly<Record<string, unknown>> {
  if (event.type === 'planned') {
    const { stack, steps, notices } = event.plan;
    return { ...event, plan: { stack, steps: steps.map(stepDocument), notices } };
  }
  if (event.type === 'step.failed') return { ...event, step: stepDocument(event.step), error: errorDocument(event.error) };
  return 'step' in event ? { ...event, step: stepDocument(event.step) } : event;
}

function stepDocument({ id, resource, op, cause, dependsOn }: Step) {
  return { id, resource, op: op.kind, cause, dependsOn };
}

function errorDocument(error: Error) {
  const known = error instanceof TsstackError ? { code: error.code, hint: error.hint } : {};
  return { message: error.message, ...known };
}
