/**
 * Desired and observed → plan. Pure, total, deterministic: the same arguments give the same steps with the same numbers.
 *
 * INVARIANTS: a plan for what already is has no steps. Each resource's rule is asked once. A step depends only on steps with
 * lower numbers. What is removed is removed before what it needed; what is made is made after what it needs.
 */
import type { Notice, Plan, Policy } from '../model/plan.ts';
import type { Desired, Observed } from '../model/resources.ts';
import { type Decisions, decide } from './decide.ts';
import { StepGraph } from './graph.ts';
import { linkHandovers } from './handovers.ts';
import { linkMakes, linkRemovals } from './order.ts';
import { linkRollouts, rolloutsOf } from './rolling.ts';

export function reconcile(desired: Desired, observed: Observed, policy: Policy): Plan {
  const { decisions, obstacles, waiting, unreached } = decide(desired, observed, policy);
  const plan = { stack: desired.stackName, notices: [], confirmations: [], obstacles, waiting: {}, unreached };
  if (obstacles.length > 0) return { ...plan, steps: [] };
  const graph = new StepGraph();
  for (const { id, changes } of decisions.values()) {
    for (const change of changes.remove) graph.add(id, 'remove', change);
    for (const change of changes.make) graph.add(id, 'make', change);
  }
  const rollouts = rolloutsOf(graph, decisions);
  const late = new Set(rollouts.flatMap(({ batches }) => batches.slice(1).flatMap((batch) => batch.stops)));
  const deferred = linkRemovals(graph, decisions, { stackName: desired.stackName, unownedLinks: observed.unownedLinks, late });
  linkMakes(graph, decisions, policy);
  linkHandovers(graph, decisions);
  linkRollouts(graph, rollouts, deferred);
  return { ...plan, steps: graph.steps(), notices: policy.repair ? [] : orphanNotices(decisions), waiting };
}

function orphanNotices(decisions: Decisions): Notice[] {
  const kept = [...decisions.values()].filter(({ kind, desired, changes }) => kind === 'volume' && !desired && changes.remove.length === 0);
  return kept.map(({ id }) => ({ resource: id, message: `${id.replace(':', ' ')} is not declared any more and is kept` }));
}
