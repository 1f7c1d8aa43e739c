/** Asks each resource's rule once, owners before what is within them, and containers before those that depend on them. */
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Obstacle, Policy } from '../model/plan.ts';
import type { Desired, DesiredResource, Need, Observed, ObservedResource, ResourceKind } from '../model/resources.ts';
import { leadingTo } from './lower-firewall.ts';
import { containerOfResource, linkOfResource } from './names.ts';
import { RULES } from './rules/all.ts';
import { type Changes, NOTHING, type Order, type Rule, type RuleContext } from './rules/rule.ts';
import { type Selected, select } from './select.ts';

/** What one resource's rule said, with what it was asked about. */
export interface Decision {
  readonly id: ResourceId;
  readonly kind: ResourceKind;
  readonly desired: DesiredResource | undefined;
  readonly observed: ObservedResource | undefined;
  readonly changes: Changes;
  /** Of containers. */
  readonly order: Order;
}
export type Decisions = ReadonlyMap<ResourceId, Decision>;

export interface Decided {
  readonly decisions: Decisions;
  readonly obstacles: readonly Obstacle[];
  /** As in Plan. */
  readonly waiting: Readonly<Record<ContainerName, string>>;
  /** As in Plan. */
  readonly unreached: readonly ContainerName[];
}

export function decide(desired: Desired, observed: Observed, policy: Policy): Decided {
  const { wanted, found } = select(desired, observed, policy);
  const work: Work = {
    wanted: new Map(wanted),
    found,
    policy,
    stackName: desired.stackName,
    unownedLinks: observed.unownedLinks,
    decisions: new Map(),
    dormant: new Set(),
    waiting: new Map(),
  };
  const ids = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  for (const id of ids) if (id.startsWith('container:')) decideOne(work, id);
  // Ports lead to what runs, which is known only now.
  const { resources, unreached } = leadingTo(desired, willRun(work, observed));
  for (const resource of resources) if (wanted.has(resource.id)) work.wanted.set(resource.id, resource);
  for (const id of ids) decideOne(work, id);
  return {
    decisions: work.decisions,
    obstacles: [...work.decisions.values()].flatMap(({ changes }) => changes.obstacle ?? []),
    waiting: Object.fromEntries([...work.waiting].sort(([a], [b]) => (a < b ? -1 : 1))),
    unreached,
  };
}

interface Work extends Selected {
  readonly wanted: Map<ResourceId, DesiredResource>;
  readonly policy: Policy;
  readonly stackName: string;
  readonly unownedLinks: Observed['unownedLinks'];
  readonly decisions: Map<ResourceId, Decision>;
  /** What isn't running and won't be: it has no namespaces, so its links are not missed. */
  readonly dormant: Set<ResourceId>;
  readonly waiting: Map<ContainerName, string>;
}

function decideOne(work: Work, id: ResourceId): Decision | undefined {
  const known = work.decisions.get(id);
  if (known) return known;
  const want = work.wanted.get(id);
  const have = work.found.get(id);
  const kind = (want ?? have)?.kind;
  if (kind === undefined) return undefined;
  const { changes, order } = kind === 'container' ? decideContainer(work, id) : { changes: decidePart(work, id, kind), order: NO_ORDER };
  const decision: Decision = { id, kind, desired: want, observed: have, changes, order };
  work.decisions.set(id, decision);
  return decision;
}

const NO_ORDER: Order = { kind: 'none' };

/** Everything but a container itself. */
function decidePart(work: Work, id: ResourceId, kind: ResourceKind): Changes {
  const want = work.wanted.get(id);
  const owner = want?.within === undefined ? undefined : decideOne(work, want.within);
  const renewed = owner?.changes.make.some(({ op }) => op.kind === 'container.create' || op.kind === 'link.create') ?? false;
  const goesAlong = want === undefined && ON_A_LINK.has(kind) && endsWithLink(decideOne(work, linkOfResource(id)));
  const asleep = owner !== undefined && work.dormant.has(owner.id) && !renewed;
  if (asleep) work.dormant.add(id);
  if (goesAlong || (asleep && kind !== 'process')) return NOTHING;
  return applyRule(work, { kind, id, renewed, order: owner?.order ?? NO_ORDER });
}

const ON_A_LINK: ReadonlySet<ResourceKind> = new Set(['address', 'route', 'fault']);

/** What is on a link goes with it: taken away before, a process would lose its network while it stops. */
function endsWithLink(link: Decision | undefined): boolean {
  return link === undefined || link.changes.remove.some(({ op }) => op.kind === 'link.delete');
}

/** A container that would be made but needs what isn't reached yet is left as it is; one that was dragged along is stopped already. */
function decideContainer(work: Work, id: ResourceId): Pick<Decision, 'changes' | 'order'> {
  const name = containerOfResource(id);
  let order = orderFor(work, name);
  let changes = applyRule(work, { kind: 'container', id, renewed: false, order });
  const unmet = creates(changes) ? unmetNeeds(work, name) : [];
  if (unmet.length > 0) {
    work.waiting.set(name, unmet.join(', '));
    order = order.kind === 'restart' && order.dragged ? { ...order, kind: 'stop' } : NO_ORDER;
    changes = NOTHING;
  }
  if (!creates(changes) && (order.kind === 'stop' || !isRunning(work, name))) work.dormant.add(id);
  return { changes, order };
}

export function creates(changes: Changes | undefined): boolean {
  return changes?.make.some(({ op }) => op.kind === 'container.create') ?? false;
}

function orderFor(work: Work, name: ContainerName): Order {
  if (!work.wanted.has(containerId(work, name))) return NO_ORDER;
  if (work.policy.stopped.includes(name)) return { kind: 'stop', cause: 'stopped on request', dragged: false };
  const drag = isRunning(work, name) ? dragCause(work, name) : undefined;
  if (drag !== undefined) return { kind: 'restart', cause: drag, dragged: true };
  return work.policy.restart.includes(name) ? { kind: 'restart', cause: 'restart asked for', dragged: false } : NO_ORDER;
}

/** Dependencies are declared without circles (dsl), so that asking for theirs first comes to an end. */
function dragCause(work: Work, name: ContainerName): string | undefined {
  for (const need of processNeeds(work, name)) {
    if (!need.restart) continue;
    const dependency = containerOfResource(need.resource);
    const decision = decideOne(work, containerId(work, dependency));
    if (!decision?.observed) continue;
    if (creates(decision.changes)) return `${dependency} is ${decision.changes.remove.length > 0 ? 'recreated' : 'restarted'}`;
    if (decision.order.kind === 'stop' && decision.order.dragged) return `${dependency} is restarted`;
  }
  return undefined;
}

/** What it waits for, by name. Without conditions every need is met in its turn by a step of the plan. */
function unmetNeeds(work: Work, name: ContainerName): string[] {
  const { conditions } = work.policy;
  if (!conditions) return [];
  return processNeeds(work, name).flatMap(({ resource, until }) => {
    const dependency = containerOfResource(resource);
    const decision = decideOne(work, containerId(work, dependency));
    const begins = creates(decision?.changes);
    const stops = decision?.order.kind === 'stop';
    // A container that has ended has no network namespace to join, however well it ended.
    if (until === 'done' && joins(work, name, dependency) && !begins && !isRunning(work, dependency))
      return [`${dependency} to be started`];
    if (until === 'done') return begins || (conditions.started.has(dependency) && !stops) ? [] : [`${dependency} to be started`];
    if (until === 'healthy') return conditions.healthy.has(dependency) && !begins && !stops ? [] : [`${dependency} to be healthy`];
    return conditions.completed.has(dependency) && !begins ? [] : [`${dependency} to complete`];
  });
}

function joins({ wanted, stackName }: Work, name: ContainerName, other: ContainerName): boolean {
  const needs = wanted.get(`container:${stackName}/${name}`)?.needs ?? [];
  return needs.some(({ resource }) => resource === `container:${stackName}/${other}`);
}

function processNeeds({ wanted, stackName }: Work, name: ContainerName): Need[] {
  const needs = wanted.get(`process:${stackName}/${name}`)?.needs ?? [];
  return needs.filter(({ resource }) => resource.startsWith('process:'));
}

/**
 * Whether a container runs when the plan is done, or in a moment. One that has ended counts while another one is in the network namespace that
 * it has left: what is published for it may be that one's.
 */
function willRun(work: Work, observed: Observed): (name: ContainerName) => boolean {
  const { stopped, returning } = work.policy;
  const states = observed.resources.flatMap((one) => (one.kind === 'container' && one.state.status.state === 'running' ? [one.state] : []));
  const running = new Set(states.map(({ name }) => name));
  const joined = new Set(states.flatMap(({ record }) => (record?.launch.network?.kind === 'join' ? record.launch.network.container : [])));
  return (name) => {
    if (stopped.includes(name)) return false;
    const decision = work.decisions.get(containerId(work, name));
    if (creates(decision?.changes)) return true;
    return decision?.order.kind !== 'stop' && (running.has(name) || joined.has(name) || returning.includes(name));
  };
}

function containerId({ stackName }: Work, name: ContainerName): ResourceId {
  return `container:${stackName}/${name}`;
}

function isRunning(work: Work, name: ContainerName): boolean {
  const have = work.found.get(containerId(work, name));
  return have?.kind === 'container' && have.state.status.state === 'running';
}

interface Question {
  readonly kind: ResourceKind;
  readonly id: ResourceId;
  readonly renewed: boolean;
  readonly order: Order;
}

/**
 * A repair removes nothing because it isn't declared, not even a link: what an `up` that failed has left behind may be in use by a
 * container that it has left as well. The next `up` removes both, in order. Faults were put there on purpose, and are healed by taking them out.
 */
function applyRule(work: Work, { kind, id, renewed, order }: Question): Changes {
  const [want, have] = [work.wanted.get(id), work.found.get(id)];
  const { policy, unownedLinks } = work;
  if (!want && policy.repair && kind !== 'fault') return NOTHING;
  const context: RuleContext = { policy, renewed, order, bare: kind === 'link' && policy.repair && isBare(work, id), unownedLinks };
  // One cast where the table is indexed: `want` and `have` bear the kind that `RULES[kind]` takes, which TypeScript cannot follow.
  const rule = RULES[kind] as Rule<ResourceKind>;
  return rule(id, { desired: want?.spec, observed: have?.state } as Parameters<Rule<ResourceKind>>[1], context);
}

function isBare({ wanted, found }: Work, link: ResourceId): boolean {
  const address = link.replace('link:', 'address:');
  return link.includes('@') && wanted.has(address) && !found.has(address);
}
