/** Brings back what `up` made. Level-triggered: asked for whenever something may differ, it looks at everything and does what is needed. */
import type { OnEvent } from '../model/events.ts';
import type { ContainerName, ResourceId } from '../model/ids.ts';
import type { Obstacle, Plan, Policy, Step } from '../model/plan.ts';
import type { Desired, Observed } from '../model/resources.ts';
import { containerOfResource } from '../plan/names.ts';
import { reconcile } from '../plan/reconcile.ts';
import { afterRepair, NO_REPAIR_FAILED, type RepairBackoff } from '../supervise/backoff.ts';
import { resourcesOf, startedBy, withoutBusy } from './busy.ts';
import { observeStack } from './observe.ts';
import { DEFAULT_POLICY } from './prepare.ts';
import { perform, type Supervision, surroundings } from './supervision.ts';

/** One cause has many effects: a bridge that is deleted takes an address, routes and ports with it. ms. */
const COALESCE_MS = 5;
/** What we did ourselves is told by the kernel, too: it is looked at once, when that is over. ms. */
const QUIET_AFTER_CHANGE_MS = 100;

export interface RepairsOptions {
  /** Before each look at everything: from then on changes are heard of. */
  readonly onLook: () => void;
  /** After it. */
  readonly onSettled: () => void;
  /** On request. */
  readonly isStopped: (name: ContainerName) => boolean;
}

export class Repairs implements Disposable {
  readonly #supervision: Supervision;
  readonly #options: RepairsOptions;
  #backoff: RepairBackoff = NO_REPAIR_FAILED;
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #running = false;
  #wantedAgain = false;
  #quietUntil = 0;
  #waiting: Plan['waiting'] = {};
  #failing: Failing | undefined;

  constructor(supervision: Supervision, options: RepairsOptions) {
    this.#supervision = supervision;
    this.#options = options;
  }

  /** Something may differ. */
  request(delayMs = COALESCE_MS): void {
    if (this.#over.signal.aborted) return;
    if (this.#running) {
      this.#wantedAgain = true;
      return;
    }
    // If nothing is wanted, there is nothing to wait for: whoever waits for all to be settled, the end of this process say, hears so at once.
    const at = this.#supervision.desired ? Math.max(Date.now() + delayMs, this.#quietUntil) : Date.now();
    this.#timer ??= setTimeout(() => this.#start(), Math.max(0, at - Date.now()));
  }

  /** We have changed something: what the kernel says of it can wait a moment. */
  changedByUs(): void {
    this.#quietUntil = Date.now() + QUIET_AFTER_CHANGE_MS;
  }

  /** Whether everything has been looked at since it was last asked for. */
  get idle(): boolean {
    return !this.#running && this.#timer === undefined && !this.#failing?.unseen;
  }

  /** Whether a container, or any, would run if repair hadn't failed. */
  goesOnTrying(name?: ContainerName): boolean {
    if (!this.#failing) return false;
    const names = [...this.#failing.unstarted, ...this.#failing.blocked].filter((one) => !this.#options.isStopped(one));
    return name === undefined ? names.length > 0 : names.includes(name);
  }

  reasonOf(name: ContainerName): string | undefined {
    const failing = this.#failing;
    if (failing?.failed.has(name) || failing?.blocked.has(name)) {
      return `repair failed (${this.#backoff.failures} times): ${failing.message}`;
    }
    const waiting = this.#waiting[name];
    return waiting === undefined ? undefined : `waits for ${waiting}`;
  }

  get waiting(): Plan['waiting'] {
    return this.#waiting;
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#timer = undefined;
  }

  #start(): void {
    this.#timer = undefined;
    this.#running = true;
    this.#wantedAgain = false;
    this.#repair()
      .catch((error: unknown) => this.#failed(error, { unseen: true }))
      .finally(() => {
        this.#running = false;
        if (this.#wantedAgain) this.request();
        this.#options.onSettled();
      });
  }

  async #repair(): Promise<void> {
    const { changes, containers, underWay, emit } = this.#supervision;
    using _turn = await changes.take();
    const { desired } = this.#supervision;
    if (!desired) return this.#nothingIsWanted();
    if (this.#over.signal.aborted) return;
    // Whoever had the turn until now has changed something, and is about to answer.
    if (Date.now() < this.#quietUntil) {
      this.#wantedAgain = true;
      return;
    }
    this.#options.onLook();
    const observed = await observeStack(this.#supervision.session, { inside: true, signal: this.#over.signal });
    const restart = containers.restarts.due;
    const policy = { ...DEFAULT_POLICY, repair: true, restart, ...surroundings(this.#supervision), conditions: containers.conditions() };
    const { whole, obstacles, blocked } = planAround(desired.desired, observed, policy);
    this.#waiting = whole.waiting;
    const comingBack = new Set([...startedBy(whole.steps), ...Object.keys(whole.waiting), ...blocked]);
    // Not declared any more, or stopped on request: nothing will ever start those.
    for (const name of restart) if (!comingBack.has(name)) containers.restarts.cancel(name);
    const resting = this.#failing?.resting ? this.#failing.failed : NONE;
    const plan = withoutBusy(whole, new Set([...resourcesOf(underWay), ...resting]));
    const expected = new Set([...withDependents(desired.desired, restart, plan), ...this.#firewallThatFollows(desired.desired, whole)]);
    const done = plan.steps.length === 0 || (await this.#carryOut(plan, { expected, emit }));
    for (const { op } of plan.steps) if (op.kind === 'container.stop' && op.name in whole.waiting) containers.restarts.makeDue(op.name);
    if (!done) return;
    if (obstacles.length > 0) this.#failed(new Error(obstacles.map(({ message }) => message).join('\n')), { blocked });
    else if (resting.size === 0) this.#recovered();
  }

  /** That ports lead to what runs, and to nothing else, is no drift: ids of what says so, if that is another set of containers by now. */
  #firewallThatFollows({ resources }: Desired, { steps, unreached }: Plan): readonly ResourceId[] {
    const ids = resources.filter(({ kind }) => kind === 'firewall' || kind === 'nftables').map(({ id }) => id);
    // Until it has followed: others may be at work on it, or it may fail.
    if (!steps.some(({ resource }) => ids.includes(resource))) this.#unreached = unreached.join();
    return unreached.join() === this.#unreached ? [] : ids;
  }
  #unreached = '';

  async #carryOut(
    plan: Plan,
    { expected, emit }: { readonly expected: ReadonlySet<ContainerName | ResourceId>; readonly emit: OnEvent },
  ): Promise<boolean> {
    const startedAt = Date.now();
    const drifted = driftOf(plan, expected);
    for (const { resource, cause } of drifted) emit({ type: 'drift', at: startedAt, resource, cause });
    const failed: Step[] = [];
    const undone: Step[] = [];
    const onEvent: OnEvent = (event) => {
      if (event.type === 'step.failed') failed.push(event.step);
      if (event.type === 'step.failed' || event.type === 'step.skipped') undone.push(event.step);
    };
    let whole = true;
    try {
      await perform(this.#supervision, plan, { signal: this.#over.signal, onEvent });
    } catch (error) {
      if (this.#over.signal.aborted) return false;
      whole = false;
      this.#failed(error, { failed: resourcesOf(failed), unstarted: startedBy(undone) });
    } finally {
      this.changedByUs();
    }
    const left = new Set(undone.map(({ resource }) => resource));
    const resources = drifted.map(({ resource }) => resource).filter((resource) => !left.has(resource));
    if (resources.length > 0) emit({ type: 'repaired', at: Date.now(), resources, durationMs: Date.now() - startedAt });
    return whole;
  }

  /** What goes on failing in the same way is told when it has been tried again, not whenever something else has happened. */
  #failed(error: unknown, { failed = NONE, unstarted = NONE, blocked = NONE, unseen = false }: Partial<Failing>): void {
    const message = error instanceof Error ? error.message : String(error);
    const before = this.#failing?.resting ? this.#failing : undefined;
    if (before?.message === message && failed.size === 0) return;
    this.#backoff = afterRepair(this.#backoff, 'failed');
    const { retryInMs, failures } = this.#backoff;
    this.#failing = {
      failed: new Set([...(before?.failed ?? []), ...failed]),
      unstarted: new Set([...(before?.unstarted ?? []), ...unstarted]),
      blocked,
      unseen,
      message,
      resting: true,
    };
    this.#supervision.emit({ type: 'repair.failed', at: Date.now(), message, attempts: failures, retryInMs });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#failing) this.#failing = { ...this.#failing, resting: false };
      this.request();
    }, retryInMs);
  }

  /** Nothing is left that could fail, wait, or be restarted. */
  #nothingIsWanted(): void {
    this.#waiting = {};
    this.#supervision.containers.restarts.cancelAll();
    this.#recovered();
  }

  #recovered(): void {
    clearTimeout(this.#retry);
    this.#failing = undefined;
    this.#backoff = NO_REPAIR_FAILED;
  }
}

const NONE: ReadonlySet<ResourceId> = new Set();

/** What could not be repaired. Containers by their names. */
interface Failing {
  /** What was tried in vain. */
  readonly failed: ReadonlySet<ResourceId>;
  /** Containers that would run by now. */
  readonly unstarted: ReadonlySet<ContainerName>;
  /** What isn't tried while something stands in the way. */
  readonly blocked: ReadonlySet<ContainerName>;
  /** What there is couldn't even be looked at. */
  readonly unseen: boolean;
  readonly message: string;
  /** Until it is time to try again. */
  readonly resting: boolean;
}

/**
 * What stands in the way of one thing is no reason to leave the others as they are; but what needs that thing isn't touched either. A bridge's
 * address goes by the bridge's name, which is now somebody else's.
 */
function planAround(
  desired: Desired,
  observed: Observed,
  policy: Policy,
): { readonly whole: Plan; readonly obstacles: readonly Obstacle[]; readonly blocked: ReadonlySet<ResourceId> } {
  const whole = reconcile(desired, observed, policy);
  const { obstacles } = whole;
  if (obstacles.length === 0) return { whole, obstacles, blocked: NONE };
  const needing = needingAny(new Set(obstacles.map(({ resource }) => resource)), desired);
  const containers = new Set([...needing].filter((id) => id.startsWith('process:')).map(containerOfResource));
  const resources = desired.resources.filter(
    ({ id, kind }) => !needing.has(id) && !(kind === 'container' && containers.has(containerOfResource(id))),
  );
  return { whole: reconcile({ ...desired, resources }, observed, policy), obstacles, blocked: containers };
}

/** Those, and what cannot be without them. That a service depends on another one doesn't count: it may have started long ago. */
function needingAny(ids: ReadonlySet<ResourceId>, { resources }: Desired): ReadonlySet<ResourceId> {
  const found = new Set(ids);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { id, needs } of resources) {
      if (needs.some(({ resource }) => found.has(resource) && !resource.startsWith('process:'))) found.add(id);
    }
  }
  return found;
}

/** What is to be restarted, and those that are restarted because of that or of what is made again in the plan. */
function withDependents({ resources }: Desired, restart: readonly ContainerName[], { steps }: Plan): ReadonlySet<ContainerName> {
  const dependents = new Set<ContainerName>();
  const renewed = new Set([...restart, ...steps.flatMap(({ op }) => (op.kind === 'container.create' ? op.container.name : []))]);
  for (let before = -1; before !== dependents.size; ) {
    before = dependents.size;
    for (const { kind, id, needs } of resources) {
      const isDragged = (need: (typeof needs)[number]) => {
        const name = containerOfResource(need.resource);
        return need.restart === true && (renewed.has(name) || dependents.has(name));
      };
      if (kind === 'process' && needs.some(isDragged)) dependents.add(containerOfResource(id));
    }
  }
  return new Set([...restart, ...dependents]);
}

/** One entry a thing. What was expected was told as such (a restart, an end), and what goes and comes with a container or a link is no drift of its own. */
function driftOf(
  { steps }: Plan,
  expected: ReadonlySet<ContainerName | ResourceId>,
): { readonly resource: ResourceId; readonly cause: string }[] {
  const found = new Map<ResourceId, string>();
  for (const { resource, cause, op } of steps) {
    if (op.kind === 'container.await' || expected.has(resource) || expected.has(containerOfResource(resource))) continue;
    if (!found.has(resource)) found.set(resource, cause);
  }
  const followsFrom = (resource: ResourceId): boolean => {
    const name = resource.slice(resource.indexOf(':') + 1);
    const [stack = ''] = name.split('/', 1);
    const container = `container:${stack}/${containerOfResource(resource)}`;
    if (resource !== container && found.has(container)) return true;
    const link = `link:${name.replace(/\/route_localnet$/, '')}`;
    return resource !== link && found.has(link);
  };
  return [...found].filter(([resource]) => !followsFrom(resource)).map(([resource, cause]) => ({ resource, cause }));
}
