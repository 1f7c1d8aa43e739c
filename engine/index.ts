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
import { CGROUP_ROOT, stackIdentity } from './plan/names.ts';
import { containersOf } from './plan/replicas.ts';
import { stacksOfDirectory } from './store/allocation.ts';
import { acquireStackLock } from './store/lock.ts';
import { readLogs } from './store/logs.ts';
import type { HostPaths } from './store/paths.ts';
import { type AwaitOptions, awaitCompleted, awaitHealthy, awaitRunning } from './wiring/await.ts';
import { execInContainer } from './wiring/exec.ts';
import { createExecutors } from './wiring/executors.ts';
import { listContainers } from './wiring/listing.ts';
import { DEFAULT_POLICY, makeDirectories, planDown, planUp, requireRoot, throwObstacles } from './wiring/prepare.ts';
import { Session } from './wiring/session.ts';
import { superviseContainers } from './wiring/supervisor.ts';

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
    fs.mkdirSync(this.#session.host.stateDirectory, { recursive: true, mode: 0o711 });
    fs.mkdirSync(this.#session.host.runDirectory, { recursive: true, mode: 0o711 });
    return planUp(this.#session, spec, { policy: policyOf(options), keep: false, signal: options.signal });
  }

  async up(spec: StackSpec, options: UpOptions): Promise<UpResult> {
    const timeout = options.waitTimeoutMs === undefined ? undefined : AbortSignal.timeout(options.waitTimeoutMs);
    const signal = timeout ? AbortSignal.any([options.signal, timeout]) : options.signal;
    try {
      const result = await this.#reconcile(spec, { policy: policyOf(options), command: 'up', onEvent: options.onEvent, signal });
      if (options.wait) await this.#waitForAll(spec, { signal, onEvent: options.onEvent });
      return result;
    } catch (error) {
      if (!timeout?.aborted || options.signal.aborted) throw error;
      throw new TsstackError(`stack \`${this.identity.name}\` is not ready after ${options.waitTimeoutMs} ms: ${this.#notReady(spec)}`, {
        code: 'wait-timed-out',
        hint: '`tsstack ps` and `tsstack logs` show what it waits for',
        cause: error,
      });
    }
  }

  async down({ signal, onEvent, volumes, timeoutMs }: DownOptions): Promise<UpResult> {
    requireRoot('take the stack down');
    const startedAt = Date.now();
    makeDirectories(this.#session);
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, 'down');
    const plan = withGrace(await planDown(this.#session, { deleteVolumes: volumes, signal }), timeoutMs);
    await this.#apply(plan, { signal, onEvent });
    this.#removeEmptyDirectories();
    return { plan, durationMs: Date.now() - startedAt };
  }

  async stop({ signal, onEvent, hurry }: { signal: AbortSignal; onEvent: OnEvent; hurry: AbortSignal }): Promise<void> {
    requireRoot('stop the stack');
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, 'stop');
    const plan = await planDown(this.#session, { deleteVolumes: false, signal });
    const stops = plan.steps.filter(({ op }) => op.kind === 'container.stop');
    // Stops depend on stops alone. In a hurry the grace period ends; what is being stopped is stopped.
    await this.#apply({ ...plan, steps: stops }, { signal, onEvent, hurry });
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

  async supervise(spec: StackSpec, { signal, onEvent }: { signal: AbortSignal; onEvent: OnEvent }) {
    await superviseContainers(this.#session, spec, {
      signal,
      onEvent,
      restart: async (container) => {
        await this.#reconcile(spec, {
          policy: { ...DEFAULT_POLICY, containers: [container] },
          command: 'restart',
          signal,
          onEvent: ignore,
        });
      },
    });
    return listContainers(this.#session);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #reconcile(
    spec: StackSpec,
    { policy, command, signal, onEvent }: { policy: Policy; command: string; signal: AbortSignal; onEvent: OnEvent },
  ): Promise<UpResult> {
    requireRoot('bring the stack up');
    const startedAt = Date.now();
    makeDirectories(this.#session);
    using _lock = acquireStackLock(this.#session.paths.lock, this.identity.name, command);
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

  async #waitForAll(spec: StackSpec, options: AwaitOptions): Promise<void> {
    await Promise.all(
      containersOf(spec).map(async ({ name, service }) => {
        if (service.kind === 'job') await awaitCompleted(this.#session, name, options);
        else if (service.healthcheck) await awaitHealthy(this.#session, name, options);
        else await awaitRunning(this.#session, name, options);
      }),
    );
  }

  /** `db-1 (running)`: what was waited for. */
  #notReady(spec: StackSpec): string {
    const states = new Map(listContainers(this.#session).map(({ name, state, exit }) => [name, exit?.code === 0 ? 'completed' : state]));
    const waited = containersOf(spec).filter(({ name, service }) => service.healthcheck || states.get(name) !== 'running');
    return waited
      .flatMap(({ name }) => (states.get(name) === 'completed' ? [] : [`\`${name}\` (${states.get(name) ?? 'not created'})`]))
      .join(', ');
  }

  /** Volumes stay; the stack's folder with them. */
  #removeEmptyDirectories(): void {
    const { paths, stack, cgroups } = this.#session;
    removeEmptyParents(`${CGROUP_ROOT}/${stack.id}`, cgroups);
    for (const directory of [paths.containers, paths.hosts, paths.logs]) fs.rmSync(directory, { recursive: true, force: true });
    fs.rmSync(paths.allocation, { force: true });
    for (const directory of [paths.volumes, paths.directory]) removeIfEmpty(directory);
  }
}

function policyOf({ forceRecreate, services }: PlanOptions): Policy {
  return { ...DEFAULT_POLICY, forceRecreate: forceRecreate ?? false, services };
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
