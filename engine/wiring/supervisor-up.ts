/** Bringing a stack up and taking it down, as its supervisor does it. */
import type { ResultOf, UpParams } from '../control/calls.ts';
import type { CallContext } from '../control/server.ts';
import { encodePlan } from '../control/wire.ts';
import type { ContainerStatus } from '../model/container.ts';
import type { UpResult } from '../model/engine.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { Images } from '../model/facts.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Policy } from '../model/plan.ts';
import type { ObservedResource } from '../model/resources.ts';
import { withImageDefaults } from '../plan/image-defaults.ts';
import { serviceOfContainer } from '../plan/names.ts';
import { containersOf, type Replica } from '../plan/replicas.ts';
import { type RolloutPhase, type StartFirstRollout, startFirstRollout } from '../plan/rollout.ts';
import { type DesiredState, forgetDesiredState, writeDesiredState } from '../store/desired-state.ts';
import { NetworkClaims } from '../store/network-claims.ts';
import { awaitCompleted, awaitHealthy, awaitRunning } from './await.ts';
import { getImages } from './images.ts';
import { mergeSpec } from './merge-spec.ts';
import { takeNetworks } from './network-users.ts';
import { observeStack } from './observe.ts';
import {
  DEFAULT_POLICY,
  makeHostDirectories,
  makeStackDirectories,
  type PlanUpOptions,
  planUp,
  throwObstacles,
  withDependencies,
} from './prepare.ts';
import { tellStorageFailures } from './storage-failure.ts';
import { perform, surroundings } from './supervision.ts';
import type { Asked, Supervisor } from './supervisor.ts';
import { takeDown } from './take-down.ts';
import { LentTurn } from './turns.ts';

export async function up(supervisor: Supervisor, params: UpParams, context: CallContext): Promise<UpResult> {
  const timeout = params.waitTimeoutMs === undefined ? undefined : AbortSignal.timeout(params.waitTimeoutMs);
  const signal = timeout ? AbortSignal.any([context.signal, timeout]) : context.signal;
  // With the images' healthchecks, once these are known.
  const chosen = () => chosenContainers({ ...params, spec: supervisor.desired?.spec ?? params.spec });
  try {
    const plan = await command(supervisor, signal, (abort) =>
      reconcileUp(supervisor, params, { context: { ...context, signal: abort }, cancelled: context.signal }),
    );
    if (params.wait)
      await waitForAll(supervisor, chosen(), { ...context, signal: AbortSignal.any([signal, context.gone, supervisor.over]) });
    return plan;
  } catch (error) {
    if (!timeout?.aborted || context.signal.aborted) throw error;
    throw notReady(supervisor, chosen(), { timeoutMs: params.waitTimeoutMs ?? 0, cause: error });
  }
}

export async function down(
  supervisor: Supervisor,
  { volumes, timeoutMs }: { readonly volumes: boolean; readonly timeoutMs?: number | undefined },
  context: CallContext,
): Promise<ResultOf<'down'>> {
  const reason = new TsstackError('cancelled: the stack is being taken down', { code: 'cancelled' });
  for (const { cancel, takesDown } of supervisor.asked) if (!takesDown) cancel.abort(reason);
  const work = async (signal: AbortSignal): Promise<ResultOf<'down'>> => {
    using _turn = await supervisor.changes.take(signal);
    const { session } = supervisor;
    // Before anything of it is forgotten: a refusal leaves it as it is.
    using _networks = takeNetworks(session);
    supervisor.desired = undefined;
    supervisor.stopped.clear();
    // Should it be cut off, nobody brings back what was meant to go.
    forgetDesiredState(session.paths);
    const result = await takeDown(session, {
      volumes,
      timeoutMs,
      perform: async (plan) => {
        await perform(supervisor, plan, { ...context, signal });
        // Before others may have them.
        await supervisor.ports.follow([]);
      },
      signal,
    });
    supervisor.takenDown = true;
    return { ...result, goesOn: supervisor.asked.size > 1 };
  };
  return command(supervisor, context.signal, work, { takesDown: true });
}

/** Runs a command when the ones before it are done. */
export async function command<T>(
  supervisor: Supervisor,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  { takesDown }: Pick<Asked, 'takesDown'> = { takesDown: false },
): Promise<T> {
  const asked: Asked = { cancel: new AbortController(), takesDown };
  supervisor.asked.add(asked);
  try {
    const abort = AbortSignal.any([signal, asked.cancel.signal]);
    using _turn = await supervisor.commands.take(abort);
    try {
      return await work(abort);
    } finally {
      supervisor.repairs.changedByUs();
      supervisor.follow();
      // Known to the next supervisor before anybody is told that it is done.
      supervisor.save(false);
      supervisor.repairs.request();
    }
  } finally {
    supervisor.asked.delete(asked);
  }
}

interface Upping {
  /** With the signal of everything that may end it. */
  readonly context: CallContext;
  /** The asker's own. */
  readonly cancelled: AbortSignal;
}

async function reconcileUp(supervisor: Supervisor, params: UpParams, { context, cancelled }: Upping): Promise<UpResult> {
  const { session } = supervisor;
  const startedAt = Date.now();
  makeHostDirectories(session);
  makeStackDirectories(session);
  const services = withDependencies(params.spec, params.services);
  const declared = mergeSpec(supervisor.desired?.spec, params.spec, services);
  const tell: OnEvent = (event) => {
    supervisor.emit(event);
    context.onEvent(event);
  };
  // Before the turn: it may take minutes, in which what runs is still looked after.
  using ready = await tellStorageFailures(session.host.stateDirectory, () =>
    getImages(session, declared, { environment: params.environment, signal: context.signal, onEvent: tell }),
  );
  const { images } = ready;
  const spec = withImageDefaults(declared, images);
  using turn = await LentTurn.take(supervisor.changes, { signal: context.signal, onLent: () => supervisor.repairs.request() });
  session.forgetNamespaces();
  session.firewalldFails = false;
  const isChosen = (name: ContainerName) => services?.includes(serviceOfContainer(name)) ?? true;
  const around = surroundings(supervisor);
  const stopped = around.stopped.filter((name) => !isChosen(name));
  const policy: Policy = { ...DEFAULT_POLICY, ...around, forceRecreate: params.forceRecreate, services, stopped };
  const reserve: Reserve = (leads) => supervisor.ports.reserve(leads);
  using claims = new NetworkClaims(session.host);
  const { plan, desired } = await tellStorageFailures(session.host.stateDirectory, () =>
    planUp(session, spec, { policy, images, keep: true, reserve, claims, firewall: params.firewall, signal: context.signal }),
  );
  throwObstacles(plan);
  const chosen = containersOf(spec).filter(({ name }) => isChosen(name));
  want(supervisor, { version: 1, build: supervisor.build, spec, desired, source: sourceOf(params) }, chosen);
  const rollout = startFirstRollout(spec, plan);
  try {
    await tellStorageFailures(session.host.stateDirectory, () =>
      tellSpared(context, (told) =>
        rollout
          ? rollOut(supervisor, rollout, { policy, images, firewall: params.firewall, context: told, turn })
          : perform(supervisor, plan, { ...told, turn }),
      ),
    );
  } catch (error) {
    if (cancelled.aborted) await wantOnlyWhatIs(supervisor);
    throw error;
  }
  // Before the turn is given back.
  supervisor.repairs.changedByUs();
  return { plan: encodePlan(plan), durationMs: Date.now() - startedAt };
}

type Reserve = NonNullable<PlanUpOptions['reserve']>;

/** From here on it is what the stack is to be, whoever brings it about. Of the chosen containers, no stop and no failure before counts. */
function want(supervisor: Supervisor, state: DesiredState, chosen: readonly Replica[]): void {
  for (const { name } of chosen) {
    supervisor.stopped.delete(name);
    supervisor.containers.restarts.forgive(name);
  }
  writeDesiredState(supervisor.session.paths, state);
  supervisor.desired = state;
  supervisor.takenDown = false;
  supervisor.save(false);
}

/** If it fails: which containers, that were to be replaced, go on. */
async function tellSpared(context: CallContext, work: (context: CallContext) => Promise<void>): Promise<void> {
  const spared = new Set<ContainerName>();
  const onEvent: OnEvent = (event) => {
    if (event.type === 'step.skipped' && event.step.op.kind === 'container.stop') spared.add(event.step.op.name);
    context.onEvent(event);
  };
  try {
    await work({ ...context, onEvent });
  } catch (error) {
    if (spared.size > 0) {
      const message = `the roll-out stopped: ${[...spared].sort().join(', ')} ${spared.size === 1 ? 'goes' : 'go'} on as before`;
      context.onEvent({ type: 'notice', at: Date.now(), message });
    }
    throw error;
  }
}

interface RollingOut {
  readonly policy: Policy;
  readonly images: Images;
  readonly firewall: UpParams['firewall'];
  readonly context: CallContext;
  readonly turn: LentTurn;
}

/** The surge goes whatever has become of the rest: if it wasn't ready, the old containers have never been touched. */
async function rollOut(
  supervisor: Supervisor,
  { surged, settled }: StartFirstRollout,
  { policy, images, firewall, context, turn }: RollingOut,
): Promise<void> {
  const { desired: declared } = supervisor;
  const reserve: Reserve = (leads) => supervisor.ports.reserve(leads);
  const planOf = async (phase: RolloutPhase): ReturnType<typeof planUp> => {
    const options = { policy: { ...policy, ...phase.policy }, images, keep: true, reserve, firewall, signal: NEVER };
    const planned = await planUp(supervisor.session, phase.spec, options);
    throwObstacles(planned.plan);
    return planned;
  };
  try {
    const { plan, desired } = await planOf(surged);
    // Else repair would take the surge out of the others' hosts files.
    supervisor.desired = declared && { ...declared, desired };
    await perform(supervisor, plan, { ...context, turn });
  } finally {
    supervisor.desired = declared;
    await perform(supervisor, (await planOf(settled)).plan, { ...context, signal: NEVER, turn });
  }
}

const NEVER = new AbortController().signal;

/** Cut off by who asked for it: what isn't there yet is wanted no more, and nobody goes on behind the user's back. */
async function wantOnlyWhatIs(supervisor: Supervisor): Promise<void> {
  const { desired, session } = supervisor;
  if (!desired) return;
  const observed = await observeStack(session, { inside: true, signal: NEVER });
  const there = new Set(observed.resources.filter(isThere).map(({ id }) => id));
  const resources = desired.desired.resources.filter(({ id, within }) => there.has(id) || (within !== undefined && there.has(within)));
  supervisor.desired = { ...desired, desired: { ...desired.desired, resources } };
  writeDesiredState(session.paths, supervisor.desired);
}

/** Of a table others' rules are seen as well. */
function isThere(resource: ObservedResource): boolean {
  return resource.kind !== 'firewall' || resource.state.chains.length > 0 || resource.state.jumps.length > 0;
}

/** The file is loaded again for its functions alone. */
function sourceOf({ spec, source }: UpParams): UpParams['source'] {
  return Object.values(spec.services).some(({ hooks }) => hooks.host.length > 0) ? source : undefined;
}

function chosenContainers({ spec, services }: Pick<UpParams, 'spec' | 'services'>): readonly Replica[] {
  const chosen = withDependencies(spec, services);
  return containersOf(spec).filter(({ serviceName }) => chosen?.includes(serviceName) ?? true);
}

async function waitForAll(supervisor: Supervisor, containers: readonly Replica[], { signal, onEvent }: CallContext): Promise<void> {
  const { session } = supervisor;
  const options = {
    signal,
    onEvent,
    monitorOf: (name: ContainerName) => supervisor.containers.monitorOf(name),
    willRestart: (name: ContainerName, status: ContainerStatus) => supervisor.containers.willComeBack(name, status),
  };
  await Promise.all(
    containers.map(async ({ name, service }) => {
      if (service.kind === 'job') await awaitCompleted(session, name, options);
      else if (service.healthcheck) await awaitHealthy(session, name, options);
      else await awaitRunning(session, name, options);
    }),
  );
}

function notReady(
  supervisor: Supervisor,
  containers: readonly Replica[],
  { timeoutMs, cause }: { readonly timeoutMs: number; readonly cause: unknown },
): TsstackError {
  const listed = new Map(supervisor.list().map((listing) => [listing.name, listing]));
  const names = containers.flatMap(({ name }) => {
    const { state, exit, health } = listed.get(name) ?? {};
    const ready = state === 'running' ? health === undefined || health === 'healthy' : exit?.code === 0;
    return ready ? [] : [`\`${name}\` (${health ?? state ?? 'not created'})`];
  });
  return new TsstackError(`stack \`${supervisor.session.stack.name}\` is not ready after ${timeoutMs} ms: ${names.join(', ')}`, {
    code: 'wait-timed-out',
    hint: '`tsstack ps` and `tsstack logs` show what it waits for',
    cause,
  });
}
