/** Start, stop, restart, kill and pause of containers on request, as their supervisor does it. */
import type { StopParams, TargetParams } from '../control/calls.ts';
import type { CallContext } from '../control/server.ts';
import { observeContainers } from '../kernel/containers.ts';
import { freeze, thaw } from '../kernel/freezer.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Policy } from '../model/plan.ts';
import type { ContainerState } from '../model/resources.ts';
import { cgroupPath, serviceOfContainer } from '../plan/names.ts';
import { reconcile } from '../plan/reconcile.ts';
import { signalNumber } from '../plan/signals.ts';
import { keepJoined } from './network-users.ts';
import { observeStack } from './observe.ts';
import { DEFAULT_POLICY } from './prepare.ts';
import { perform, surroundings } from './supervision.ts';
import type { Supervisor } from './supervisor.ts';
import { command } from './supervisor-up.ts';
import { withGrace } from './take-down.ts';
import { resolveTargets } from './targets.ts';
import { LentTurn } from './turns.ts';

const SIGKILL = 9;

export async function stop(supervisor: Supervisor, { targets, timeoutMs }: StopParams, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async (signal) => {
    const names = namesOf(supervisor, targets);
    for (const name of names) {
      supervisor.stopped.add(name);
      supervisor.containers.restarts.cancel(name);
    }
    // First of all: a supervisor that went on after this one would take the stop for an end, and restart them.
    supervisor.save(false);
    await thawAll(supervisor, names);
    await change(supervisor, { policy: { containers: names }, timeoutMs, context: { ...context, signal } });
  });
}

export async function start(supervisor: Supervisor, { targets }: TargetParams, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async (signal) => {
    const names = statesOf(supervisor, targets).filter(({ status }) => status.state !== 'running');
    await restartNow(supervisor, { names: names.map(({ name }) => name), timeoutMs: undefined, context: { ...context, signal } });
  });
}

export async function restart(supervisor: Supervisor, { targets, timeoutMs }: StopParams, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async (signal) => {
    const names = namesOf(supervisor, targets);
    await thawAll(supervisor, names);
    await restartNow(supervisor, { names, timeoutMs, context: { ...context, signal } });
  });
}

/** SIGKILL is no request to restart: what it ends stays stopped. */
export async function kill(
  supervisor: Supervisor,
  { targets, signalName }: TargetParams & { readonly signalName: string },
  context: CallContext,
): Promise<void> {
  const number = signalNumber(signalName);
  if (number === undefined) throw new TsstackError(`cannot kill: \`${signalName}\` is no signal`, { code: 'usage' });
  await command(supervisor, context.signal, async () => {
    const states = running(supervisor, targets, 'kill');
    if (number === SIGKILL)
      await thawAll(
        supervisor,
        states.map(({ name }) => name),
      );
    if (number === SIGKILL) {
      for (const { name } of states) {
        supervisor.stopped.add(name);
        supervisor.containers.expectEnd(name);
      }
      supervisor.save(false);
    }
    for (const { status } of states) {
      if (status.init) await supervisor.session.launcher.signal(status.init, number);
      if (number === SIGKILL && status.monitor) await supervisor.session.launcher.waitExit(status.monitor, context.signal);
    }
    // Ports lead to them no more: nobody else has changed that.
    const names = states.map(({ name }) => name);
    if (number === SIGKILL && supervisor.desired)
      await change(supervisor, { policy: { containers: names }, timeoutMs: undefined, context });
  });
}

export async function pause(supervisor: Supervisor, { targets }: TargetParams, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, async () => {
    const { session, containers } = supervisor;
    for (const { name } of running(supervisor, targets, 'pause')) {
      containers.setPaused(name, true);
      await freeze(session.cgroups, cgroupPath(session.stack, name), { signal: context.signal });
      supervisor.emit({ type: 'container.paused', at: Date.now(), container: name });
    }
  });
}

export async function unpause(supervisor: Supervisor, { targets }: TargetParams, context: CallContext): Promise<void> {
  await command(supervisor, context.signal, () =>
    thawAll(
      supervisor,
      running(supervisor, targets, 'unpause').map(({ name }) => name),
    ),
  );
}

async function thawAll(supervisor: Supervisor, names: readonly ContainerName[]): Promise<void> {
  const { session, containers } = supervisor;
  for (const { name, paused } of supervisor.list()) {
    if (!paused || !names.includes(name)) continue;
    await thaw(session.cgroups, cgroupPath(session.stack, name));
    containers.setPaused(name, false);
    supervisor.emit({ type: 'container.unpaused', at: Date.now(), container: name });
  }
}

interface Restarting {
  readonly names: readonly ContainerName[];
  readonly timeoutMs: number | undefined;
  readonly context: CallContext;
}

async function restartNow(supervisor: Supervisor, { names, timeoutMs, context }: Restarting): Promise<void> {
  using _networks = keepJoined(supervisor.session, names);
  for (const name of names) {
    supervisor.stopped.delete(name);
    supervisor.containers.restarts.forgive(name);
  }
  if (names.length > 0) await change(supervisor, { policy: { restart: names }, timeoutMs, context });
}

interface Change {
  readonly policy: Partial<Policy>;
  readonly timeoutMs: number | undefined;
  readonly context: CallContext;
}

async function change(supervisor: Supervisor, { policy, timeoutMs, context }: Change): Promise<void> {
  const { desired, session } = supervisor;
  if (!desired)
    throw new TsstackError(`nothing is known of stack \`${session.stack.name}\``, { code: 'not-found', hint: '`tsstack up` brings it up' });
  using turn = await LentTurn.take(supervisor.changes, { signal: context.signal, onLent: () => supervisor.repairs.request() });
  const observed = await observeStack(session, { inside: true, signal: context.signal });
  const plan = reconcile(desired.desired, observed, { ...DEFAULT_POLICY, repair: true, ...surroundings(supervisor), ...policy });
  await perform(supervisor, withGrace(plan, timeoutMs), { ...context, turn });
}

function statesOf({ session }: Supervisor, targets: readonly string[] | undefined): readonly ContainerState[] {
  const all = observeContainers(session.paths.containers, session.bootId);
  const services = all.map((state) => ({ ...state, service: serviceOfContainer(state.name) }));
  return resolveTargets(services, targets, { stack: session.stack.name });
}

function namesOf(supervisor: Supervisor, targets: readonly string[] | undefined): readonly ContainerName[] {
  return statesOf(supervisor, targets).map(({ name }) => name);
}

/** Those that run; that one which was named doesn't is an error. */
function running(supervisor: Supervisor, targets: readonly string[] | undefined, verb: string): readonly ContainerState[] {
  const states = statesOf(supervisor, targets);
  const idle = states.find(({ status }) => status.state !== 'running');
  if (targets !== undefined && idle) {
    throw new TsstackError(`cannot ${verb} \`${idle.name}\`: it is not running`, { code: 'not-found', hint: '`tsstack ps` shows why' });
  }
  return states.filter(({ status }) => status.state === 'running');
}
