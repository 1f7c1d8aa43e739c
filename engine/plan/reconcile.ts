/**
 * Desired and observed → plan. Pure, total, deterministic: the same arguments give the same steps with the same numbers.
 *
 * INVARIANTS: a plan for what already is has no steps. Each resource's rule is asked once. A step depends only on steps with
 * lower numbers. What is removed is removed before what it needed; what is made is made after what it needs.
 */
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Notice, Obstacle, Plan, Policy } from '../model/plan.ts';
import type { Desired, DesiredResource, Observed, ObservedResource, ResourceKind } from '../model/resources.ts';
import { StepGraph } from './graph.ts';
import { linkHandovers } from './handovers.ts';
import { containerOfResource, serviceOfContainer } from './names.ts';
import { linkMakes, linkRemovals } from './order.ts';
import { RULES } from './rules/all.ts';
import { type Changes, NOTHING, type Rule, type RuleContext } from './rules/rule.ts';

export function reconcile(desired: Desired, observed: Observed, policy: Policy): Plan {
  const decisions = decide(desired, observed, policy);
  const obstacles: Obstacle[] = [];
  const graph = new StepGraph();
  for (const decision of decisions.values()) {
    if (decision.changes.obstacle) obstacles.push(decision.changes.obstacle);
    for (const change of decision.changes.remove) graph.add(decision.id, 'remove', change);
    for (const change of decision.changes.make) graph.add(decision.id, 'make', change);
  }
  if (obstacles.length > 0) return { stack: desired.stackName, steps: [], notices: [], confirmations: [], obstacles, waiting: {} };
  linkRemovals(graph, decisions, { stackName: desired.stackName, unownedLinks: observed.unownedLinks });
  linkMakes(graph, decisions);
  linkHandovers(graph, decisions);
  return { stack: desired.stackName, steps: graph.steps(), notices: orphanNotices(decisions), confirmations: [], obstacles, waiting: {} };
}

/** What one resource's rule said, with what it was asked about. */
export interface Decision {
  readonly id: ResourceId;
  readonly kind: ResourceKind;
  readonly desired: DesiredResource | undefined;
  readonly observed: ObservedResource | undefined;
  readonly changes: Changes;
}
export type Decisions = ReadonlyMap<ResourceId, Decision>;

function decide(desired: Desired, observed: Observed, policy: Policy): Decisions {
  const { wanted, found } = select(desired, observed, policy);
  const decisions = new Map<ResourceId, Decision>();
  const dormant = new Set<ResourceId>();

  const decideOne = (id: ResourceId): Decision | undefined => {
    const known = decisions.get(id);
    if (known) return known;
    const want = wanted.get(id);
    const have = found.get(id);
    const kind = (want ?? have)?.kind;
    if (kind === undefined) return undefined;
    const owner = want?.within === undefined ? undefined : decideOne(want.within);
    const renewed = owner?.changes.make.some(({ op }) => op.kind === 'container.create' || op.kind === 'link.create') ?? false;
    const asleep = want?.within !== undefined && dormant.has(want.within) && !renewed;
    const goesAlong = want === undefined && ON_A_LINK.has(kind) && endsWithLink(decideOne(id.replace(/^[a-z]+/, 'link')));
    const changes =
      asleep || goesAlong
        ? NOTHING
        : applyRule(kind, id, { want, have, context: { policy, renewed, unownedLinks: observed.unownedLinks } });
    const decision: Decision = { id, kind, desired: want, observed: have, changes };
    decisions.set(id, decision);
    if (asleep || (have?.kind === 'container' && have.state.status.state === 'stopped' && !creates(changes))) dormant.add(id);
    return decision;
  };
  for (const id of [...new Set([...wanted.keys(), ...found.keys()])].sort()) decideOne(id);
  return decisions;
}

const ON_A_LINK: ReadonlySet<ResourceKind> = new Set(['address', 'route']);

/** What is on a link goes with it: taken away before, a process would lose its network while it stops. */
function endsWithLink(link: Decision | undefined): boolean {
  return link === undefined || link.changes.remove.some(({ op }) => op.kind === 'link.delete');
}

/** A job that is done stays as a stopped container: it has no namespaces, so its links are not missed. */
function creates(changes: Changes): boolean {
  return changes.make.some(({ op }) => op.kind === 'container.create');
}

interface RuleArguments {
  readonly want: DesiredResource | undefined;
  readonly have: ObservedResource | undefined;
  readonly context: RuleContext;
}

function applyRule(kind: ResourceKind, id: ResourceId, { want, have, context }: RuleArguments): Changes {
  // One cast where the table is indexed: `want` and `have` bear the kind that `RULES[kind]` takes, which TypeScript cannot follow.
  const rule = RULES[kind] as Rule<ResourceKind>;
  return rule(id, { desired: want?.spec, observed: have?.state } as Parameters<Rule<ResourceKind>>[1], context);
}

interface Selected {
  readonly wanted: ReadonlyMap<ResourceId, DesiredResource>;
  readonly found: ReadonlyMap<ResourceId, ObservedResource>;
}

/**
 * With a choice of services, only their containers and what belongs to these are looked at, and what containers share. Of that nothing
 * is removed: a container that was not chosen may still use it. What the others' hosts files say of the chosen ones is kept right.
 */
function select(desired: Desired, observed: Observed, policy: Policy): Selected {
  const all = policy.services === undefined && policy.containers === undefined;
  const files = new Set(observed.resources.flatMap(({ kind, id }) => (kind === 'file' ? [id] : [])));
  const wanted = desired.resources.filter(({ id }) => all || isSelected(id, policy) || files.has(id));
  const ids = new Set(wanted.map(({ id }) => id));
  const found = observed.resources.filter(({ id }) => all || ids.has(id) || (ownerContainer(id) !== undefined && isSelected(id, policy)));
  const byId = <T extends { readonly id: ResourceId }>(resources: readonly T[]) => new Map(resources.map((one) => [one.id, one]));
  return { wanted: byId(wanted), found: byId(found) };
}

function isSelected(id: ResourceId, { services, containers }: Policy): boolean {
  const container = ownerContainer(id);
  if (container === undefined) return true;
  return (services?.includes(serviceOfContainer(container)) ?? true) && (containers?.includes(container) ?? true);
}

const PER_CONTAINER = ['container:', 'process:', 'cgroup:', 'file:'];

function ownerContainer(id: ResourceId): ContainerName | undefined {
  const perContainer = PER_CONTAINER.some((prefix) => id.startsWith(prefix)) || id.includes('@');
  return perContainer ? containerOfResource(id) : undefined;
}

function orphanNotices(decisions: Decisions): Notice[] {
  const kept = [...decisions.values()].filter(({ kind, desired, changes }) => kind === 'volume' && !desired && changes.remove.length === 0);
  return kept.map(({ id }) => ({ resource: id, message: `${id.replace(':', ' ')} is not declared any more and is kept` }));
}
