/** The engine: everything that makes the kernel match a stack. */
import fs from 'node:fs';
import type { StackSpec } from '../dsl/spec.ts';
import { apply } from './apply/apply.ts';
import { type Failpoints, parseFailpoints } from './apply/failpoints.ts';
import { removeEmptyParents } from './kernel/cgroups.ts';
import type { DownOptions, Engine, ExecOptions, LogOptions, PlanOptions, UpOptions, UpResult } from './model/engine.ts';
import { TsstackError } from './model/errors.ts';
import type { OnEvent } from './model/events.ts';
import type { StackIdentity } from './model/ids.ts';
import type { Plan, Policy } from './model/plan.ts';
import { CGROUP_ROOT, serviceOfContainer, stackIdentity } from './plan/names.ts';
import { containersOf, type Replica } from './plan/replicas.ts';
import { stacksOfDirectory } from './store/allocation.ts';
import { acquireStackLock } from './store/lock.ts';
import { readLogs } from './store/logs.ts';
import type { HostPaths } from './store/paths.ts';
import { type AwaitOptions, awaitCompleted, awaitHealthy, awaitRunning } from './wiring/await.ts';
import { execInContainer } from './wiring/exec.ts';
import { createExecutors } from './wiring/executors.ts';
import { listContainers } from './wiring/listing.ts';
import {
  DEFAULT_POLICY,
  makeHostDirectories,
  makeStackDirectories,
  planDown,
  planUp,
  requireRoot,
  throwObstacles,
  withDependencies,
} from './wiring/prepare.ts';
import { Session } from './wiring/session.ts';
import { tellStorageFailures } from './wiring/storage-failure.ts';
import { hasEnded, superviseContainers } from './wiring/supervisor.ts';

export interface EngineOptions {
  readonly name: string;
  /** Directory of the stack file; its real path is part of the stack's identity. */
  readonly directory: string;
  readonly instance?: string | undefined;
  readonly paths: HostPaths & {
    /** The launcher's binary. */
    readonly launcher: string;
  };
  /** As `TSSTACK_FAILPOINTS`, for tests. */
  readonly failpoints?: string | undefined;
}

/**
 * The stacks that run from a directory, for commands that must work without its stack file: it may be broken or gone when the stack
 * is to be taken down.
 */
export function findStacks(paths: Pick<HostPaths, 'stateDirectory'>, directory: string): readonly StackIdentity[] {
  return stacksOfDirectory(paths, fs.realpathSync(directory));
}

export function createEngine(options: EngineOptions): Engine {
  const identity = stackIdentity(options.name, fs.realpathSync(options.directory), options.instance);
  return new StackEngine(identity, { host: options.paths, launcher: options.paths.launcher, failpoints: options.failpoints });
}

class StackEngine implements Engine {
  readonly identity: StackIdentity;
  readonly #session: Session;
  readonly #failpoints: Failpoints | undefined;

  constructor(
    identity: StackIdentity,
    { host, launcher, failpoints }: { readonly host: HostPaths; readonly launcher: string; readonly failpoints: string | undefined },
  ) {
    this.identity = identity;
    this.#session = new Session({ stack: identity, host, launcher });
    this.#failpoints = parseFailpoints(failpoints);
  }

  async plan(spec: StackSpec, options: PlanOptions): Promise<Plan> {
    requireRoot('plan');
    return this.#telling(() => {
      makeHostDirectories(this.#session);
      return planUp(this.#session, spec, { policy: policyOf(options), keep: false, signal: options.signal });
    });
  }

  async up(spec: StackSpec, options: UpOptions): Promise<UpResult> {
    const timeout = options.waitTimeoutMs === undefined ? undefined : AbortSignal.timeout(options.waitTimeoutMs);
    const signal = timeout ? AbortSignal.any([options.signal, timeout]) : options.signal;
    try {
      const result = await this.#telling(() =>
        this.#reconcile(spec, { policy: policyOf(options), command: 'up', onEvent: options.onEvent, signal }),
      );
      if (options.wait) await this.#waitForAll(chosenContainers(spec, options.services), { signal, onEvent: options.onEvent });
      return result;
    } catch (error) {
      if (!timeout?.aborted || options.signal.aborted) throw error;
      throw new TsstackError(
        `stack \`${this.identity.name}\` is not ready after ${options.waitTimeoutMs} ms: ${this.#notReady(chosenContainers(spec, options.services))}`,
        {
          code: 'wait-timed-out',
          hint: '`tsstack ps` and `tsstack logs` show what it waits for',
          cause: error,
        },
      );
    }
  }

  async down({ signal, onEvent, volumes, timeoutMs }: DownOptions): Promise<UpResult> {
    requireRoot('take the stack down');
    const startedAt = Date.now();
    makeHostDirectories(this.#session);
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, 'down');
    const plan = withGrace(await planDown(this.#session, { deleteVolumes: volumes, signal }), timeoutMs);
    await this.#apply(plan, { signal, onEvent });
    this.#removeEmptyDirectories();
    return { plan, durationMs: Date.now() - startedAt };
  }

  async stop(
    spec: StackSpec,
    {
      signal,
      onEvent,
      hurry,
      services,
    }: { signal: AbortSignal; onEvent: OnEvent; hurry: AbortSignal; services?: readonly string[] | undefined },
  ): Promise<void> {
    requireRoot('stop the stack');
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, 'stop');
    const plan = await planDown(this.#session, { deleteVolumes: false, signal });
    const chosen = withDependencies(spec, services);
    const stops = plan.steps.filter(({ op }) => op.kind === 'container.stop' && (chosen?.includes(serviceOfContainer(op.name)) ?? true));
    const ids = new Set(stops.map(({ id }) => id));
    // Stops depend on stops alone. In a hurry the grace period ends; what is being stopped is stopped.
    const steps = stops.map((step) => ({ ...step, dependsOn: step.dependsOn.filter((id) => ids.has(id)) }));
    await this.#apply({ ...plan, steps }, { signal, onEvent, hurry });
  }

  async ps() {
    requireRoot('list containers');
    return listContainers(this.#session);
  }

  logs({ signal, follow, only, since, tail }: LogOptions) {
    return readLogs({ directory: this.#session.paths.logs, signal, follow, only, since, tail });
  }

  exec(options: ExecOptions): Promise<number> {
    requireRoot('exec');
    return execInContainer(this.#session, options);
  }

  async supervise(
    spec: StackSpec,
    { signal, onEvent, services }: { signal: AbortSignal; onEvent: OnEvent; services?: readonly string[] | undefined },
  ) {
    const containers = chosenContainers(spec, services).map(({ name }) => name);
    await superviseContainers(this.#session, containers, {
      signal,
      onEvent,
      restart: async (container) => {
        await this.#telling(() =>
          this.#reconcile(spec, {
            policy: { ...DEFAULT_POLICY, containers: [container] },
            command: 'restart',
            signal,
            onEvent: ignore,
            // Under the lock: `down` may have removed it, or another `up` started it, since it was found stopped.
            isStillWanted: () => hasEnded(this.#session, container),
          }),
        );
      },
    });
    return listContainers(this.#session).filter(({ name }) => containers.includes(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #reconcile(spec: StackSpec, { policy, command, signal, onEvent, isStillWanted }: Reconciling): Promise<UpResult> {
    requireRoot('bring the stack up');
    const startedAt = Date.now();
    makeHostDirectories(this.#session);
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, command);
    if (isStillWanted?.() === false) return { plan: EMPTY_PLAN, durationMs: 0 };
    // Not before the lock is held: a `down` that is about to end would take them away again.
    makeStackDirectories(this.#session);
    this.#session.forgetNamespaces();
    const plan = await planUp(this.#session, spec, { policy, keep: true, signal });
    throwObstacles(plan);
    await this.#apply(plan, { signal, onEvent });
    return { plan, durationMs: Date.now() - startedAt };
  }

  async #apply(
    plan: Plan,
    { signal, onEvent, hurry }: { signal: AbortSignal; onEvent: OnEvent; hurry?: AbortSignal | undefined },
  ): Promise<void> {
    onEvent({ type: 'planned', at: Date.now(), plan });
    if (plan.steps.length === 0) return;
    await apply(plan, {
      executors: createExecutors(this.#session, { onEvent, hurry }),
      signal,
      onEvent,
      now: Date.now,
      failpoints: this.#failpoints,
    });
    for (const message of this.#session.warnings) onEvent({ type: 'notice', at: Date.now(), message });
    this.#session.warnings.clear();
  }

  #telling<T>(work: () => Promise<T>): Promise<T> {
    return tellStorageFailures(this.#session.host.stateDirectory, async () => work());
  }

  async #waitForAll(containers: readonly Replica[], options: AwaitOptions): Promise<void> {
    await Promise.all(
      containers.map(async ({ name, service }) => {
        if (service.kind === 'job') await awaitCompleted(this.#session, name, options);
        else if (service.healthcheck) await awaitHealthy(this.#session, name, options);
        else await awaitRunning(this.#session, name, options);
      }),
    );
  }

  /** `db-1 (running)`: what was waited for. */
  #notReady(containers: readonly Replica[]): string {
    const states = new Map(listContainers(this.#session).map(({ name, state, exit }) => [name, exit?.code === 0 ? 'completed' : state]));
    const waited = containers.filter(({ name, service }) => service.healthcheck || states.get(name) !== 'running');
    return waited
      .flatMap(({ name }) => (states.get(name) === 'completed' ? [] : [`\`${name}\` (${states.get(name) ?? 'not created'})`]))
      .join(', ');
  }

  /** Volumes stay; the stack's folder with them. */
  #removeEmptyDirectories(): void {
    const { paths, stack, cgroups } = this.#session;
    removeEmptyParents(`${CGROUP_ROOT}/${stack.id}`, cgroups);
    for (const directory of [paths.containers, paths.hosts, paths.logs]) fs.rmSync(directory, { recursive: true, force: true });
    for (const file of [paths.allocation, `${paths.allocation}.new`]) fs.rmSync(file, { force: true });
    for (const directory of [paths.volumes, paths.directory]) removeIfEmpty(directory);
  }
}

interface Reconciling {
  readonly policy: Policy;
  /** For those who find the stack locked. */
  readonly command: string;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** Asked when the lock is held; false: nothing is done. */
  readonly isStillWanted?: () => boolean;
}

const EMPTY_PLAN: Plan = { stack: '', steps: [], notices: [], confirmations: [], obstacles: [], waiting: {} };

function policyOf({ forceRecreate, services }: PlanOptions): Policy {
  return { ...DEFAULT_POLICY, forceRecreate: forceRecreate ?? false, services };
}

function chosenContainers(spec: StackSpec, services: readonly string[] | undefined): readonly Replica[] {
  const chosen = withDependencies(spec, services);
  return containersOf(spec).filter(({ serviceName }) => chosen?.includes(serviceName) ?? true);
}

function withGrace(plan: Plan, graceMs: number | undefined): Plan {
  if (graceMs === undefined) return plan;
  const steps = plan.steps.map((step) =>
    step.op.kind === 'container.stop' ? { ...step, op: { ...step.op, stopGracePeriodMs: graceMs } } : step,
  );
  return { ...plan, steps };
}

function removeIfEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function ignore(): void {}
