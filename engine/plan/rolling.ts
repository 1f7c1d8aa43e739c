/**
 * Replicas that are recreated take turns, in batches: the next ones are stopped when the ones before are ready. A new version that
 * doesn't get ready fails the step that waits for it, which skips all that comes after: the old ones stay.
 *
 * What does not run, a new replica or one that has ended, is made first, all at once: that takes nothing away.
 */
import { groupBy } from '../../dsl/multimap.ts';
import type { UpdateSpec } from '../../dsl/spec.ts';
import type { ResourceId } from '../model/ids.ts';
import { creates, type Decisions } from './decide.ts';
import type { Node, StepGraph } from './graph.ts';
import { containerOfResource } from './names.ts';

export interface Rollout {
  readonly service: string;
  readonly hasHealthcheck: boolean;
  /** The last ones are waited for, too: those that stood in for them are still there, and must not go before. */
  readonly startFirst: boolean;
  /** In order, at least two. */
  readonly batches: readonly Batch[];
}
export interface Batch {
  readonly processes: readonly ResourceId[];
  /** None in a batch of what doesn't run. */
  readonly stops: readonly Node[];
}

/** A stop that should come before another one, if that makes no circle. */
export interface StopOrder {
  readonly first: Node;
  readonly next: Node;
}

interface Member {
  readonly process: ResourceId;
  readonly index: number;
  readonly stop: Node | undefined;
  readonly recreated: boolean;
  readonly dragged: boolean;
}

interface Group {
  readonly update: UpdateSpec;
  readonly hasHealthcheck: boolean;
  readonly members: Member[];
}

export function rolloutsOf(graph: StepGraph, decisions: Decisions): Rollout[] {
  const groups = new Map<string, Group>();
  for (const { id, desired, changes, order } of decisions.values()) {
    if (desired?.kind !== 'container' || !creates(changes)) continue;
    const { service, index, update, healthcheck } = desired.spec.record;
    const process = id.replace('container:', 'process:');
    const group = groups.get(service) ?? { update, hasHealthcheck: healthcheck !== undefined, members: [] };
    const stop = graph.of(process, 'remove')[0];
    const recreated = changes.remove.length > 0;
    group.members.push({ process, index, stop, recreated, dragged: order.kind === 'restart' && order.dragged });
    groups.set(service, group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([service, group]) => rolloutOf(service, group));
}

/** Who must be down while its dependency is cannot take turns. */
function rolloutOf(service: string, { update, hasHealthcheck, members }: Group): Rollout[] {
  if (!members.some(({ recreated, stop }) => recreated && stop) || members.some(({ dragged }) => dragged)) return [];
  const sorted = [...members].sort((a, b) => a.index - b.index);
  const running = sorted.filter(({ stop }) => stop);
  const parts = [sorted.filter(({ stop }) => !stop)];
  for (let i = 0; i < running.length; i += update.parallelism) parts.push(running.slice(i, i + update.parallelism));
  const batches = parts
    .filter(({ length }) => length > 0)
    .map((part) => ({ processes: part.map(({ process }) => process), stops: part.flatMap(({ stop }) => stop ?? []) }));
  return batches.length < 2 ? [] : [{ service, hasHealthcheck, startFirst: update.order === 'start-first', batches }];
}

/**
 * The only edges from a removal to a make. Where such an edge would go round in a circle, the old ones must be gone before the new ones can
 * be (their network is made anew, say), and those that are left don't take turns.
 */
export function linkRollouts(graph: StepGraph, rollouts: readonly Rollout[], deferred: readonly StopOrder[]): void {
  for (const rollout of rollouts) {
    for (const [i, { stops }] of rollout.batches.entries()) {
      const before = rollout.batches[i - 1];
      if (!before) continue;
      const starts = before.processes.flatMap((process) => graph.of(process, 'make').at(-1) ?? []);
      const needed = allBefore(starts);
      if (stops.some((stop) => needed.has(stop))) break;
      const ready = before.processes.flatMap((process) => readiness(graph, rollout, process));
      for (const stop of stops) for (const node of ready) stop.after.add(node);
    }
    if (rollout.startFirst) for (const process of rollout.batches.at(-1)?.processes ?? []) readiness(graph, rollout, process);
  }
  linkStopOrders(deferred);
}

function readiness(graph: StepGraph, { service, hasHealthcheck }: Rollout, process: ResourceId): Node[] {
  const start = graph.of(process, 'make').at(-1);
  if (!start) return [];
  const until = hasHealthcheck ? 'healthy' : 'running';
  const known = graph.of(process, 'await').find(({ op }) => op.kind === 'container.await' && op.until === until);
  if (known) return [known];
  const op = { kind: 'container.await', name: containerOfResource(process), until } as const;
  const node = graph.add(process, 'await', { op, cause: `the others of ${service} wait for it` });
  node.after.add(start);
  return [node];
}

function linkStopOrders(deferred: readonly StopOrder[]): void {
  for (const [first, orders] of groupBy(deferred, (order) => order.first)) {
    const needed = allBefore([first]);
    for (const { next } of orders) if (!needed.has(next)) next.after.add(first);
  }
}

/** These and all that must be done before them. */
function allBefore(nodes: readonly Node[]): ReadonlySet<Node> {
  const seen = new Set(nodes);
  const left = [...nodes];
  for (let node = left.pop(); node; node = left.pop()) {
    for (const other of node.after) {
      if (seen.has(other)) continue;
      seen.add(other);
      left.push(other);
    }
  }
  return seen;
}
