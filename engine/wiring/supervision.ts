/** What the parts of a supervisor share, and the one way in which a plan is carried out. */
import { apply } from '../apply/apply.ts';
import type { Failpoints } from '../apply/failpoints.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import { TsstackError } from '../model/errors.ts';
import type { EngineEvent, OnEvent } from '../model/events.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Executors, OpOf, Plan, Policy, Step } from '../model/plan.ts';
import type { DesiredState } from '../store/desired-state.ts';
import { startedBy } from './busy.ts';
import { createExecutors } from './executors.ts';
import { type CommandHookOptions, runCommandHooks } from './hooks.ts';
import type { StackNames } from './names.ts';
import type { RunningContainers } from './running-containers.ts';
import type { Session } from './session.ts';
import type { LentTurn, Turns } from './turns.ts';

export interface Supervision {
  readonly session: Session;
  readonly failpoints: Failpoints | undefined;
  readonly containers: RunningContainers;
  readonly names: StackNames;
  /** Whoever changes the kernel has the turn. */
  readonly changes: Turns;
  /** To everybody who listens. */
  readonly emit: OnEvent;
  /** Undefined: nothing is wanted, or nobody knows any more what was. */
  desired: DesiredState | undefined;
  /** On request. */
  readonly stopped: Set<ContainerName>;
  /** What plans under way have still to do. */
  readonly underWay: Set<Step>;
  /** These are about to be stopped, to be started again: whoever comes after this supervisor must know. */
  noteReturning(names: readonly ContainerName[]): void;
}

interface Around extends Pick<Supervision, 'stopped' | 'underWay'> {
  readonly containers: { readonly running: readonly ContainerName[]; readonly restarts: Pick<RunningContainers['restarts'], 'backSoon'> };
}

/**
 * What a plan of one of its commands or repairs must know of the others. A container may be seen to have ended before that is heard: whether it
 * comes back soon is decided then, and looked at again.
 */
export function surroundings({ stopped, containers, underWay }: Around): Pick<Policy, 'stopped' | 'returning'> {
  const { running, restarts } = containers;
  return { stopped: [...stopped], returning: [...running, ...restarts.backSoon, ...startedBy(underWay)] };
}

/** @throws TsstackError `not-found`: nothing is wanted. */
export function requireDesired({ desired, session }: Pick<Supervision, 'desired' | 'session'>): DesiredState {
  if (desired) return desired;
  throw new TsstackError(`nothing is known of stack \`${session.stack.name}\``, { code: 'not-found', hint: '`tsstack up` brings it up' });
}

export interface PerformOptions {
  readonly signal: AbortSignal;
  /** Of who asked for it. */
  readonly onEvent: OnEvent;
  readonly hurry?: AbortSignal | undefined;
  /** Lent while the plan waits. Undefined: it never does. */
  readonly turn?: LentTurn | undefined;
}

/** Carries a plan out, and keeps what is known of the containers in step with it. */
export async function perform(supervision: Supervision, plan: Plan, options: PerformOptions): Promise<void> {
  const { session, underWay, failpoints } = supervision;
  const tell: OnEvent = (event) => {
    supervision.emit(event);
    options.onEvent(event);
  };
  tell({ type: 'planned', at: Date.now(), plan });
  if (plan.steps.length === 0) return;
  const started = new Set<number>();
  const halfWay = new Set<ContainerName>();
  const track = (event: EngineEvent): void => {
    if (!('step' in event)) return;
    if (event.type === 'step.started') {
      started.add(event.step.id);
      options.turn?.stepStarted();
    } else {
      underWay.delete(event.step);
      if (started.has(event.step.id)) options.turn?.stepEnded();
    }
  };
  for (const step of plan.steps) underWay.add(step);
  supervision.noteReturning(returningIn(plan));
  try {
    await apply(plan, {
      executors: executorsFor(supervision, { ...options, onEvent: tell }),
      signal: options.signal,
      onEvent(event) {
        track(event);
        noteContainer(supervision.containers, event);
        if (event.type === 'step.done' && event.step.op.kind === 'container.stop') halfWay.add(event.step.op.name);
        if (event.type === 'step.started' && event.step.op.kind === 'container.start') halfWay.delete(event.step.op.process.name);
        tell(event);
      },
      now: Date.now,
      failpoints,
    });
  } finally {
    for (const step of plan.steps) underWay.delete(step);
    // Stopped to be started again, which something has prevented: they did not end by themselves.
    for (const { op } of plan.steps)
      if (op.kind === 'container.start' && halfWay.has(op.process.name)) supervision.containers.restarts.makeDue(op.process.name);
    for (const message of session.warnings) tell({ type: 'notice', at: Date.now(), message });
    session.warnings.clear();
  }
}

/** Stopped by the plan as they are, to be started by it or when what they wait for is ready. What is deleted is made anew in any case. */
function returningIn({ steps, waiting }: Plan): readonly ContainerName[] {
  const ops = steps.map(({ op }) => op);
  const deleted = new Set(ops.flatMap((op) => (op.kind === 'container.delete' ? [op.name] : [])));
  const started = new Set(ops.flatMap((op) => (op.kind === 'container.start' ? [op.process.name] : [])));
  return ops.flatMap((op) =>
    op.kind === 'container.stop' && !deleted.has(op.name) && (started.has(op.name) || op.name in waiting) ? [op.name] : [],
  );
}

function noteContainer(containers: RunningContainers, event: EngineEvent): void {
  if (!('step' in event)) return;
  const { op } = event.step;
  if (op.kind === 'container.stop') {
    if (event.type === 'step.started') containers.expectEnd(op.name);
    if (event.type === 'step.failed' || event.type === 'step.skipped') containers.stopFailed(op.name);
  }
  if (op.kind === 'container.update' && event.type === 'step.done') containers.updated(op.container.name);
  if (op.kind === 'container.delete' && event.type === 'step.done') containers.removed(op.name);
  if (op.kind !== 'container.start') return;
  if (event.type === 'step.started') containers.starting(op.process.name);
  if (event.type === 'step.done') containers.started(op.process.name);
  if (event.type === 'step.failed') containers.startFailed(op.process.name);
}

/** A container's hooks belong to its start and its stop, whoever asks for these and why. */
function executorsFor(supervision: Supervision, { signal, onEvent, hurry, turn }: PerformOptions): Executors {
  const { session, containers, names } = supervision;
  const executors = createExecutors(session, {
    onEvent,
    hurry,
    monitorOf: (name) => containers.monitorOf(name),
    willRestart: (name, status) => containers.willComeBack(name, status),
  });
  return {
    ...executors,
    'container.start': async (op, abort) => {
      // Its bridges are there by now, and the first thing it does may be to ask for a name.
      await names.listen();
      await executors['container.start'](op, abort);
      await runHooks(session, op.process.name, { when: 'postStart', signal, onEvent });
    },
    'container.stop': async (op, abort) => {
      const cut = hurry ? AbortSignal.any([hurry, signal]) : signal;
      await runHooks(session, op.name, { when: 'preStop', signal: cut, onEvent, graceMs: op.stopGracePeriodMs });
      await executors['container.stop'](op, abort);
    },
    'container.await': async (op: OpOf<'container.await'>, abort) => {
      const wait = () => executors['container.await'](op, abort);
      await (turn ? turn.during(wait) : wait());
    },
  };
}

async function runHooks(session: Session, name: ContainerName, options: CommandHookOptions): Promise<void> {
  const directory = `${session.paths.containers}/${name}`;
  const record = readRecord(directory);
  if (record) await runCommandHooks(session, { record, status: readContainerStatus(directory, session.bootId) }, options);
}
