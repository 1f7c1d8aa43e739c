import type { Plan } from '../../engine/model/plan.ts';
import { renderPlan } from '../../engine/plan/render.ts';
import { defineCommand } from '../command.ts';
import { alignColumns, count } from '../format.ts';
import { causeOf, groupSteps, outcome } from '../progress/groups.ts';
import { checkServices } from '../services.ts';
import { withEngine } from '../with-engine.ts';

export const plan = defineCommand({
  name: 'plan',
  summary: 'show what `up` would do and why; change nothing',
  usage: '[SERVICE…]',
  options: { 'force-recreate': { kind: 'flag', summary: 'as of `up`' } },
  words: { min: 0, max: Number.POSITIVE_INFINITY },
  details: `One line a step: what must be done before it, its number, the resource, the operation, the cause.
Exit code: 0 nothing to change, 10 there are changes, 1 something stands in the way.`,
  run: (given, words, context) =>
    withEngine(context, async (engine, stack) => {
      const services = checkServices(words, stack.spec);
      const { signal } = context.interrupts;
      const result = await engine.plan(stack.spec, { signal, services, forceRecreate: given['force-recreate'] });
      const { out, err } = context.terminal;
      out.write(context.global.json ? `${JSON.stringify(planDocument(result))}\n` : renderPlan(result));
      if (result.obstacles.length > 0) return 1;
      if (result.steps.length > 0) {
        if (!context.global.json) err.write(`${renderSummary(result)}\n`);
        return 10;
      }
      err.write('up to date: nothing to change\n');
      return 0;
    }),
});

/** What becomes of each thing, and why: what a person wants to know of the steps above. */
function renderSummary(plan: Plan): string {
  const rows = groupSteps(plan).map((group) => [`  ${group.label}`, outcome(group), causeOf(group)]);
  return `${count(plan.steps.length, 'step')}:\n${alignColumns(rows).trimEnd()}`;
}

/** Without the operations' arguments: these hold environments, and so secrets. */
function planDocument({ stack, steps, notices, confirmations, obstacles }: Plan) {
  const plain = steps.map(({ id, resource, op, cause, dependsOn }) => ({ id, resource, op: op.kind, cause, dependsOn }));
  return { stack, steps: plain, notices, confirmations, obstacles };
}
