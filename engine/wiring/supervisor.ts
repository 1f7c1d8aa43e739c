/**
 * The supervisor of one stack: sole writer, holder of what is desired, and for as long as anything runs its watch.
 *
 * INVARIANTS. One change of the kernel at a time (`changes`), except while a plan merely waits for a container: then the turn is lent
 * (turns.ts), and what the plan has still to do is left to it. One command at a time; `down` ends the one before it.
 */
import type { Failpoints } from '../apply/failpoints.ts';
import type { ContainerListing, StackSource } from '../model/engine.ts';
import { TsstackError } from '../model/errors.ts';
import type { EngineEvent, OnEvent } from '../model/events.ts';
import type { HooksByService } from '../model/hooks.ts';
import type { ContainerName } from '../model/ids.ts';
import { readDesiredState, readSupervisionState, type SupervisionState, writeSupervisionState } from '../store/desired-state.ts';
import { HostHookCalls } from './host-hooks.ts';
import { KernelWatch } from './kernel-watch.ts';
import { listContainers } from './listing.ts';
import { Repairs } from './repairs.ts';
import { RunningContainers } from './running-containers.ts';
import type { Session } from './session.ts';
import type { Supervision } from './supervision.ts';
import { Turns } from './turns.ts';

export interface SupervisorOptions {
  readonly session: Session;
  readonly failpoints: Failpoints | undefined;
  readonly build: string;
  /** Loads a stack file's functions. */
  readonly loadHooks: (source: StackSource) => Promise<HooksByService>;
  /** Called whenever all has been looked at: it may be time to end. */
  readonly onSettled: () => void;
}

export class Supervisor implements Supervision, AsyncDisposable {
  readonly session: Session;
  readonly failpoints: Failpoints | undefined;
  readonly build: string;
  readonly changes = new Turns();
  readonly commands = new Turns();
  readonly containers: RunningContainers;
  readonly repairs: Repairs;
  readonly hooks: HostHookCalls;
  readonly underWay: Supervision['underWay'] = new Set();
  readonly stopped: Set<ContainerName>;
  desired: Supervision['desired'];
  /** By the last command. */
  takenDown = false;
  /** Of the command that works now. */
  current: AbortController | undefined;
  readonly #kernel: KernelWatch;
  readonly #listeners = new Set<OnEvent>();
  readonly #settledChecks = new Set<() => void>();
  readonly #over = new AbortController();

  constructor({ session, failpoints, build, loadHooks, onSettled }: SupervisorOptions) {
    this.session = session;
    this.failpoints = failpoints;
    this.build = build;
    const before = stateOfThisBoot(session);
    this.desired = before && readDesiredState(session.paths);
    this.stopped = new Set(before?.stopped);
    this.hooks = new HostHookCalls({ load: loadHooks, session, emit: this.emit });
    this.containers = new RunningContainers({
      session,
      emit: this.emit,
      onChange: () => this.repairs.request(),
      onMoment: (moment, container) => this.hooks.call(moment, container, this.desired),
      restarts: before?.restarts ?? {},
    });
    this.repairs = new Repairs(this, {
      onLook: () => this.follow(),
      onSettled: () => {
        this.save(false);
        for (const check of [...this.#settledChecks]) check();
        onSettled();
      },
    });
    this.#kernel = new KernelWatch(session, {
      onChange: () => this.repairs.request(),
      onLauncherGone: () => this.#launcherGone(),
      onNotice: (message) => this.emit({ type: 'notice', at: Date.now(), message }),
      onOom: (container, kills) => this.emit({ type: 'container.oom', at: Date.now(), container, kills }),
    });
  }

  readonly emit = (event: EngineEvent): void => {
    for (const listener of [...this.#listeners]) listener(event);
  };

  /** Everything that happens, until the signal or the end of the supervisor: the signal of whichever comes first. */
  listen(listener: OnEvent, signal: AbortSignal): AbortSignal {
    const over = AbortSignal.any([signal, this.#over.signal]);
    this.#listeners.add(listener);
    over.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
    return over;
  }

  get listening(): number {
    return this.#listeners.size;
  }

  /** It is about to end: who listens is told so, and a command that is under way stops where it is. */
  leave(): void {
    this.#over.abort();
    this.current?.abort(new TsstackError('cancelled: the supervisor has been told to end', { code: 'cancelled' }));
  }

  /** What a supervisor before this one left. Containers go on; what ended since then is restarted by its policy. */
  adopt(): void {
    this.containers.followAll({ adopt: this.desired !== undefined, stopped: this.stopped });
    this.emit({ type: 'supervisor.started', at: Date.now(), pid: process.pid, adopted: [...this.containers.running].sort() });
    this.#kernel.begin();
    this.follow();
    this.repairs.request();
  }

  /** After every change: what runs now is watched. */
  follow(): void {
    this.containers.followAll({ adopt: false, stopped: this.stopped });
    this.#kernel.update(this.desired?.desired);
  }

  /** Resolves when `holds`, which is asked whenever everything has been looked at. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!signal.aborted && !(this.repairs.idle && holds())) return;
        this.#settledChecks.delete(check);
        signal.removeEventListener('abort', check);
        resolve();
      };
      this.#settledChecks.add(check);
      signal.addEventListener('abort', check, { once: true });
      check();
    });
  }

  /** Whether it has stopped, and nothing will start it again. */
  isOver(name: ContainerName): boolean {
    if (this.containers.running.has(name) || this.containers.willRestart(name)) return false;
    return this.repairs.waiting[name] === undefined || this.containers.running.size === 0;
  }

  /** Nothing runs, nothing will, and nobody changes that. */
  get hasNothingToDo(): boolean {
    return this.repairs.idle && this.current === undefined && this.containers.running.size === 0 && !this.containers.restartsPending;
  }

  list(): readonly ContainerListing[] {
    return listContainers(this.session).map((listing) => ({
      ...listing,
      health: this.containers.healthOf(listing.name),
      restarts: this.containers.restartsOf(listing.name),
      reason: this.#reasonOf(listing),
    }));
  }

  /** For the next supervisor. */
  save(ended: boolean): void {
    if (this.desired === undefined) return;
    const state: SupervisionState = {
      version: 1,
      bootId: this.session.bootId,
      stopped: [...this.stopped].sort(),
      restarts: this.containers.restartCounts,
      ended,
    };
    const text = JSON.stringify(state);
    if (text === this.#saved) return;
    writeSupervisionState(this.session.paths, state);
    this.#saved = text;
  }
  #saved = '';

  async [Symbol.asyncDispose](): Promise<void> {
    this.repairs[Symbol.dispose]();
    this.containers[Symbol.dispose]();
    this.#kernel[Symbol.dispose]();
    await this.session[Symbol.asyncDispose]();
  }

  #reasonOf({ name, state }: ContainerListing): string | undefined {
    const reason = this.containers.reasonOf(name) ?? this.repairs.reasonOf(name);
    return reason ?? (state !== 'running' && this.stopped.has(name) ? 'stopped on request' : undefined);
  }

  #launcherGone(): void {
    this.session.forgetLauncher();
    this.containers.awaitEndsAnew();
    this.#kernel.begin();
    this.follow();
    this.repairs.request();
  }
}

/** State of another boot points to a world that is gone. */
function stateOfThisBoot({ paths, bootId }: Session): SupervisionState | undefined {
  const state = readSupervisionState(paths);
  return state?.bootId === bootId ? state : undefined;
}
