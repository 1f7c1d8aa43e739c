/** The edges of a plan: what must be done before what. */
import { groupBy } from '../../dsl/multimap.ts';
import type { ResourceId } from '../model/ids.ts';
import type { Policy } from '../model/plan.ts';
import type { Need, Observed } from '../model/resources.ts';
import type { Decision, Decisions } from './decide.ts';
import type { Node, StepGraph } from './graph.ts';
import { containerOfResource, serviceOfContainer } from './names.ts';
import type { StopOrder } from './rolling.ts';

/** What is made comes after what it needs. A need that waits for a condition becomes a step of its own, shared by all that wait for it. */
export function linkMakes(graph: StepGraph, decisions: Decisions, policy: Policy): void {
  for (const { id, kind, desired } of decisions.values()) {
    const first = graph.of(id, 'make')[0];
    if (!first || !desired) continue;
    // A container that is made again with what it had, once it runs no more. One that is deleted before is deleted after its stop.
    if (kind === 'container' && first.after.size === 0) after(first, graph.of(id.replace('container:', 'process:'), 'remove'));
    for (const need of desired.needs) {
      const last = graph.of(need.resource, 'make').at(-1);
      const before = need.until === 'done' ? last : awaited(graph, need, { decisions, policy, last, by: id });
      if (before) first.after.add(before);
    }
  }
}

interface Awaiting {
  readonly decisions: Decisions;
  readonly policy: Policy;
  readonly last: Node | undefined;
  readonly by: ResourceId;
}

/** With conditions, what isn't reached has left out who needs it. Nobody waits for what was stopped on request: it would be for ever. */
function awaited(graph: StepGraph, need: Need, { decisions, policy, last, by }: Awaiting): Node | undefined {
  const name = containerOfResource(need.resource);
  if (policy.conditions || policy.stopped.includes(name)) return undefined;
  if (need.until === 'completed' && !last && hasCompleted(decisions.get(need.resource))) return undefined;
  const known = graph.of(need.resource, 'await').find(({ op }) => op.kind === 'container.await' && op.until === need.until);
  if (known) return known;
  if (need.until === 'done') return last;
  const cause = `${serviceOfContainer(containerOfResource(by))} needs it ${need.until}`;
  const node = graph.add(need.resource, 'await', { op: { kind: 'container.await', name, until: need.until }, cause });
  // One that goes on may have got another health check, by which it is waited for.
  const before = last ?? graph.of(need.resource.replace('process:', 'container:'), 'make').at(-1);
  if (before) node.after.add(before);
  return node;
}

function hasCompleted(process: Decision | undefined): boolean {
  const state = process?.observed?.kind === 'process' ? process.observed.state : undefined;
  return state?.status.state === 'stopped' && state.status.exit?.code === 0;
}

/**
 * Removal goes inwards out: processes, then their links and their container, then cgroup and files, then bridges. When every link
 * of the stack goes, one message removes the whole group: 50 links one by one cost the kernel 16 ms each. Returns what `late` stops would
 * hold up.
 */
export function linkRemovals(graph: StepGraph, decisions: Decisions, surroundings: Surroundings): StopOrder[] {
  const { stackName } = surroundings;
  const removals = graph.nodes.filter(({ phase }) => phase === 'remove');
  const stops = removals.filter(({ op }) => op.kind === 'container.stop');
  const deferred = orderStops(stops, decisions, surroundings.late);
  const of = (kind: string, container: string) => graph.of(`${kind}:${stackName}/${container}`, 'remove');
  for (const node of removals) {
    const container = containerOfResource(node.resource);
    const stop = of('process', container);
    if (node.op.kind === 'link.delete' && node.resource.includes('@')) after(node, stop);
    if (node.op.kind === 'zone.forget') after(node, stops);
    if (node.op.kind === 'container.delete') after(node, stop);
    if (node.op.kind === 'cgroup.delete' || node.op.kind === 'file.delete') after(node, [...stop, ...of('container', container)]);
    if (node.op.kind === 'volume.delete')
      after(
        node,
        removals.filter(({ op }) => op.kind === 'container.delete'),
      );
    if (node.op.kind === 'link.delete' && !node.resource.includes('@')) {
      after(node, [...stops, ...removals.filter(({ op, resource }) => op.kind === 'link.delete' && resource.includes('@'))]);
    }
  }
  removeLinksAsGroup(graph, { ...surroundings, decisions, stops });
  return deferred;
}

function after(node: Node, others: readonly Node[]): void {
  for (const other of others) if (other !== node) node.after.add(other);
}

/**
 * Who depends on a service is stopped before it. By the records of what runs: an `up` that was cut off leaves old ones beside new ones,
 * which together may go round in a circle. There is no right order then, and what must go goes all the same.
 */
function orderStops(stops: readonly Node[], decisions: Decisions, late: ReadonlySet<Node>): StopOrder[] {
  const deferred: StopOrder[] = [];
  const byService = groupBy(stops, ({ resource }) => serviceOfContainer(containerOfResource(resource)));
  const later = new Map<string, Set<string>>();
  for (const node of stops) {
    const service = serviceOfContainer(containerOfResource(node.resource));
    const container = decisions.get(node.resource.replace(/^process:/, 'container:'))?.observed;
    const dependsOn = container?.kind === 'container' ? (container.state.record?.dependsOn ?? []) : [];
    for (const dependency of dependsOn) {
      if (leadsTo(later, dependency, service)) continue;
      later.set(service, (later.get(service) ?? new Set()).add(dependency));
      for (const stop of byService.get(dependency) ?? []) {
        if (late.has(node)) deferred.push({ first: node, next: stop });
        else after(stop, [node]);
      }
    }
  }
  return deferred;
}

function leadsTo(later: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set<string>();
  const visit = (service: string): boolean => {
    if (service === to) return true;
    if (seen.has(service)) return false;
    seen.add(service);
    return [...(later.get(service) ?? [])].some(visit);
  };
  return visit(from);
}

interface Surroundings {
  readonly stackName: string;
  readonly unownedLinks: Observed['unownedLinks'];
  /** Stops that wait for what is made: of replicas that take turns. */
  readonly late: ReadonlySet<Node>;
}

interface Removal extends Surroundings {
  readonly decisions: Decisions;
  readonly stops: readonly Node[];
}

function removeLinksAsGroup(graph: StepGraph, { decisions, stops, stackName, unownedLinks }: Removal): void {
  // Those in containers end with these.
  const links = [...decisions.values()].filter(
    ({ kind, observed }) => kind === 'link' && !(observed?.kind === 'link' && observed.state.inside),
  );
  const states = links.flatMap(({ observed }) => (observed?.kind === 'link' ? [observed.state] : []));
  const group = states[0]?.group;
  const allGo = links.every(({ desired }) => desired === undefined);
  if (!allGo || states.length < 2 || group === undefined || group === 0 || states.some((state) => state.group !== group)) return;
  if (Object.values(unownedLinks).some((link) => link.group === group)) return;
  const single = new Set(graph.nodes.filter(({ op }) => op.kind === 'link.delete' && op.inside === undefined));
  graph.delete(single);
  const node = graph.add(`link:${stackName}/*`, 'remove', { op: { kind: 'link.delete-group', group }, cause: 'not declared any more' });
  after(node, stops);
}
