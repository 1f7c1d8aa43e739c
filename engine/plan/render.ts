/** A plan as stable text: the golden fixture of the tests and what `tsstack plan` prints. */
import type { Plan, Step } from '../model/plan.ts';

/** Wider lists of dependencies push their line to the right rather than every line. */
const MAX_COLUMN = 16;

export function renderPlan(plan: Plan): string {
  const lists = plan.steps.map(({ dependsOn }) => `[${dependsOn.join(',')}]`);
  const width = Math.min(MAX_COLUMN, Math.max(0, ...lists.map(({ length }) => length)));
  const lines = plan.steps.map((step, i) => `${(lists[i] ?? '').padEnd(width)} -> ${renderStep(step)}`);
  const notices = plan.notices.map(({ message }) => `note: ${message}`);
  const obstacles = plan.obstacles.flatMap(({ message, hint }) => [
    `error: ${message}`,
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
  ]);
  return [...lines, ...notices, ...obstacles].map((line) => `${line}\n`).join('');
}

function renderStep({ id, resource, op, cause }: Step): string {
  return `#${id} ${resource}, ${op.kind}, ${cause}`;
}
