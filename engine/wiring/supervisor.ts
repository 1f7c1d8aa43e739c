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
import { readDesiredState, writeDesiredState } from '../store/desired-state.ts';
import { HostHookCalls } from './host-hooks.ts';
import { findImages, haveSameImages } from './images.ts';
import { KernelWatch } from './kernel-watch.ts';
import { LauncherRevival } from './launcher-revival.ts';
import { listContainers, STOPPED_ON_REQUEST } from './listing.ts';
import { StackNames } from './names.ts';
import { PublishedPorts } from './ports.ts';
import { DEFAULT_POLICY, planUp } from './prepare.ts';
import { Repairs } from './repairs.ts';
import { RunningContainers } from './running-containers.ts';
import type { Session } from './session.ts';
import { Succession } from './succession.ts';
import type { Supervision } from './supervision.ts';
import { Turns } from './turns.ts';

/** A command that isn't done. */
export interface Asked {
  readonly cancel: AbortController;
  readonly takesDown: boolean;
}

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
  readonly names: StackNames;
  readonly repairs: Repairs;
  readonly hooks: HostHookCalls;
  readonly ports: PublishedPorts;
  readonly underWay: Supervision['underWay'] = new Set();
  readonly stopped: Set<ContainerName>;
  desired: Supervision['desired'];
  /** By the last command. */
  takenDown = false;
  /** The command that works now and those that wait for their turn. */
  readonly asked = new Set<Asked>();
  readonly #succession: Succession;
  readonly #kernel: KernelWatch;
  readonly #revival: LauncherRevival;
  readonly #listeners = new Set<OnEvent>();
  readonly #settledChecks = new Set<() => void>();
  readonly #over = new AbortController();

  constructor({ session, failpoints, build, loadHooks, onSettled }: SupervisorOptions) {
    this.session = session;
    this.failpoints = failpoints;
    this.build = build;
    this.#succession = new Succession(session);
    const { before } = this.#succession;
    this.desired = before && readDesiredState(session.paths);
    this.stopped = new Set(before?.stopped);
    this.hooks = new HostHookCalls({ load: loadHooks, session, emit: this.emit });
    this.containers = new RunningContainers({
      session,
      emit: this.emit,
      onChange: () => this.repairs.request(),
      isStopped: (name) => this.stopped.has(name),
      onError: (error) => this.#notice(messageOf(error)),
      onMoment: (moment, container) => {
        this.names.changed();
        this.#tolerant(() => this.ports.refresh());
        this.#tolerant(() => this.hooks.call(moment, container, this.desired));
      },
      restarts: before?.restarts ?? {},
    });
    this.ports = new PublishedPorts({
      isRunning: (name) => this.containers.isRunning(name),
      onError: (error) => this.#notice(messageOf(error)),
    });
    this.names = new StackNames({
      session,
      desired: () => this.desired?.desired,
      isRunning: (name) => this.containers.isRunning(name),
      // Who has asked for what is under way is told with it.
      onNotice: (message) => (this.underWay.size > 0 ? session.warnings.add(message) : this.#notice(message)),
    });
    this.repairs = new Repairs(this, {
      onLook: () => this.follow(),
      onSettled: () => {
        if (this.underWay.size === 0) this.#succession.clearReturning();
        this.save(false);
        for (const check of [...this.#settledChecks]) check();
        onSettled();
      },
      isStopped: (name) => this.stopped.has(name),
    });
    this.#kernel = new KernelWatch(session, {
      onChange: () => this.repairs.request(),
      onLauncherGone: () => this.#revival.launcherGone(),
      onNotice: (message) => this.#notice(message),
      onOom: (container, kills) => this.emit({ type: 'container.oom', at: Date.now(), container, kills }),
    });
    this.#revival = new LauncherRevival({
      begin: () => this.#kernel.begin(),
      onBegun: () => {
        this.containers.awaitEndsAnew();
        this.follow();
        this.repairs.request();
      },
      onError: (error) => this.#notice(messageOf(error)),
    });
  }

  readonly emit = (event: EngineEvent): void => {
    for (const listener of [...this.#listeners]) listener(event);
  };

  /** Everything that happens, until the signal. */
  listen(listener: OnEvent, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true });
  }

  /** Aborted when it is about to end. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** It is about to end: who listens is told so, and a command that is under way stops where it is. */
  leave(): void {
    const reason = new TsstackError('cancelled: the supervisor has been told to end', { code: 'cancelled' });
    this.#over.abort(reason);
    for (const { cancel } of this.asked) cancel.abort(reason);
  }

  /** Another version of tsstack may put the same spec in other kernel objects: then these are worked out anew. */
  async renewDesired(): Promise<void> {
    const { desired, build, session } = this;
    if (!desired || desired.build === build) return;
    const { signal } = this.#over;
    const renewing = findImages(session, desired.spec, signal).then((images) =>
      planUp(session, desired.spec, { policy: DEFAULT_POLICY, images, keep: false, signal }),
    );
    const renewed = await renewing.catch((error: unknown) => this.#notice(messageOf(error)));
    // A file that is gone, say. What runs is kept as that version made it, until the next `up` says what is wrong.
    if (!renewed || renewed.plan.obstacles.length > 0) return;
    // A tag that was pulled since then, or removed: only an `up` brings another image.
    if (!haveSameImages(desired.desired, renewed.desired)) return;
    this.desired = { ...desired, build, desired: renewed.desired };
    writeDesiredState(session.paths, this.desired);
  }

  /** What a supervisor before this one left. Containers go on; what ended since then is restarted by its policy. */
  adopt(): void {
    this.#tolerant(() => this.containers.followAll({ adopt: this.desired !== undefined }));
    for (const name of this.#succession.returning)
      if (!this.containers.isRunning(name) && !this.stopped.has(name)) this.containers.restarts.makeDue(name);
    this.emit({ type: 'supervisor.started', at: Date.now(), pid: process.pid, adopted: this.containers.running });
    this.#kernel.begin();
    this.follow();
    this.repairs.request();
  }

  /** After every change: what runs now is watched. What can't be is told, and tried again with the next look. */
  follow(): void {
    this.#tolerant(() => this.containers.followAll({ adopt: false }));
    this.#tolerant(() => this.#kernel.update(this.desired?.desired));
    void this.names.listen();
    this.#followPorts().catch((error: unknown) => this.#notice(messageOf(error)));
  }

  async #followPorts(): Promise<void> {
    for (const message of await this.ports.follow(this.desired?.desired.ports ?? [])) this.#notice(message);
  }

  /** Resolves when `holds`, which is asked whenever everything has been looked at and no command works, or at the abort. Rejects with what it throws. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        this.#settledChecks.delete(check);
        signal.removeEventListener('abort', check);
        how();
      };
      const check = (): void => {
        try {
          if (signal.aborted || (this.repairs.idle && this.asked.size === 0 && holds())) settle(resolve);
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#settledChecks.add(check);
      signal.addEventListener('abort', check, { once: true });
      check();
    });
  }

  /** Whether it has stopped, and nothing will start it again. */
  isOver(name: ContainerName): boolean {
    if (this.containers.isRunning(name) || this.repairs.goesOnTrying(name)) return false;
    // It waits for another one, which nothing will bring about any more.
    if (this.repairs.waiting[name] !== undefined) return !this.containers.anyRunning && !this.#anyReturns;
    return !this.containers.restarts.willCome(name);
  }

  /** Nothing runs, nothing will, and nobody changes that. */
  get hasNothingToDo(): boolean {
    if (this.asked.size > 0) return false;
    if (this.takenDown) return true;
    return this.repairs.idle && !this.containers.anyRunning && !this.#anyReturns && !this.repairs.goesOnTrying();
  }

  /** Whether one will be started without anybody asking. One that waits for others will only if another one of them does. */
  get #anyReturns(): boolean {
    return this.containers.restarts.toCome.some((name) => this.repairs.waiting[name] === undefined);
  }

  list(): readonly ContainerListing[] {
    return listContainers(this.session).map((listing) => ({
      ...listing,
      health: this.containers.healthOf(listing.name),
      restarts: this.containers.restarts.count(listing.name),
      reason: this.#reasonOf(listing),
    }));
  }

  noteReturning(names: readonly ContainerName[]): void {
    if (names.length === 0) return;
    this.#succession.addReturning(names);
    this.save(false);
  }

  /** For the next supervisor. A full disk is no reason to end. */
  save(ended: boolean): void {
    if (this.desired === undefined) return;
    const { due, counts } = this.containers.restarts;
    this.#tolerant(() => this.#succession.save({ stopped: this.stopped, due, restarts: counts, ended }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#revival[Symbol.dispose]();
    this.repairs[Symbol.dispose]();
    this.containers[Symbol.dispose]();
    this.#kernel[Symbol.dispose]();
    await this.ports[Symbol.asyncDispose]();
    await this.names[Symbol.asyncDispose]();
    await this.session[Symbol.asyncDispose]();
  }

  #reasonOf({ name, state }: ContainerListing): string | undefined {
    const reason = this.containers.restarts.reasonOf(name) ?? this.repairs.reasonOf(name);
    return reason ?? (state !== 'running' && this.stopped.has(name) ? STOPPED_ON_REQUEST : undefined);
  }

  /** A supervisor goes on whatever it can't do, and tells it. */
  #tolerant(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#notice(messageOf(error));
    }
  }

  /** Once: every look may find the same. */
  #notice(message: string): void {
    if (this.#noticed.has(message)) return;
    if (this.#noticed.size >= NOTICES_KEPT) this.#noticed.clear();
    this.#noticed.add(message);
    this.emit({ type: 'notice', at: Date.now(), message });
  }
  readonly #noticed = new Set<string>();
}

const NOTICES_KEPT = 100;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
