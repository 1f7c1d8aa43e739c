/** What the supervisor knows of each running container: when it ends, and how healthy it is. */
import type { HealthcheckSpec } from '../../dsl/spec.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import { observeContainers, readRecord } from '../kernel/containers.ts';
import { isFrozen } from '../kernel/freezer.ts';
import type { ContainerRecord, ContainerStatus, Health, ProcessIdentity } from '../model/container.ts';
import type { OnEvent } from '../model/events.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Conditions } from '../model/plan.ts';
import type { RestartCounts } from '../model/restarts.ts';
import { cgroupPath } from '../plan/names.ts';
import { type HealthMonitor, monitorHealth } from '../supervise/health-monitor.ts';
import { SYSTEM_CLOCK } from './await.ts';
import { ContainerRestarts } from './container-restarts.ts';
import { probeContainer } from './probes.ts';
import type { Session } from './session.ts';

export interface RunningContainersOptions {
  readonly session: Session;
  readonly emit: OnEvent;
  /** Something is to be looked at: a container ended, is to be restarted, or became healthy. */
  readonly onChange: () => void;
  /** On request: it isn't restarted. */
  readonly isStopped: (name: ContainerName) => boolean;
  readonly onError: (error: unknown) => void;
  /** A moment at which a host-side hook may want to be called. */
  readonly onMoment: (moment: 'onStarted' | 'onHealthy' | 'onUnhealthy' | 'onExited', container: ContainerName) => void;
  /** Restarts so far, by container: of the supervisor before. */
  readonly restarts: RestartCounts;
}

interface Followed {
  readonly monitor: ProcessIdentity;
  readonly init: ProcessIdentity | undefined;
  readonly stop: AbortController;
  readonly check: HealthcheckSpec | undefined;
  readonly health: HealthMonitor | undefined;
}

export class RunningContainers implements Disposable {
  readonly restarts: ContainerRestarts;
  readonly #options: RunningContainersOptions;
  readonly #followed = new Map<ContainerName, Followed>();
  /** Being stopped by us: their end is no news. */
  readonly #expected = new Set<ContainerName>();
  /** The monitor of the run whose end was told last. */
  readonly #ends = new Map<ContainerName, ProcessIdentity>();
  /** Have ended, and how couldn't be read. */
  readonly #undecided = new Set<ContainerName>();

  constructor(options: RunningContainersOptions) {
    this.#options = options;
    const { emit, onChange, restarts } = options;
    this.restarts = new ContainerRestarts({ emit, onDue: onChange, before: restarts });
  }

  /** Follows all that run and aren't followed. `adopt`: what has ended is treated as if it just had. */
  followAll({ adopt }: { readonly adopt: boolean }): void {
    const { paths, bootId } = this.#options.session;
    for (const { name, record, status } of observeContainers(paths.containers, bootId)) {
      if (!record) continue;
      if (status.state === 'running') this.#follow(name, record, status);
      else if (status.state === 'stopped') {
        const undecided = this.#undecided.delete(name);
        if ((adopt || undecided) && !this.#options.isStopped(name)) this.restarts.ended(name, record, status);
      }
    }
  }

  /** A step is about to start it, which is what a restart would do. */
  starting(name: ContainerName): void {
    this.#expected.delete(name);
    this.restarts.cancel(name);
  }

  /** A step has started it. */
  started(name: ContainerName): void {
    const { record, status } = this.#read(name);
    // It may have ended by now. Its monitor is waited for all the same, which is over at once.
    if (record) this.#follow(name, record, status);
    this.#options.emit({ type: 'container.started', at: Date.now(), container: name });
    this.#options.onMoment('onStarted', name);
  }

  /** A step has given it another record while it runs. */
  updated(name: ContainerName): void {
    const followed = this.#followed.get(name);
    const { record, status } = this.#read(name);
    if (!followed || !record || status.state !== 'running') return;
    const check = record.healthcheck;
    if (JSON.stringify(check) === JSON.stringify(followed.check)) return;
    followed.health?.[Symbol.dispose]();
    // What the check before has found out is not what this one would.
    this.restarts.cancel(name);
    this.#followed.set(name, { ...followed, check, health: check && this.#watchHealth(name, { record, status, check }) });
  }

  /** A step could not start it. Nobody follows what never ran: whether it is tried again is decided here. */
  startFailed(name: ContainerName): void {
    const { record, status } = this.#read(name);
    if (record && status.state === 'stopped') this.#hasEnded(name, record, status);
  }

  /** It is there no more, and what was to happen to it won't. */
  removed(name: ContainerName): void {
    this.#expected.delete(name);
    this.restarts.forget(name);
    this.#ends.delete(name);
    this.#undecided.delete(name);
  }

  /** It is about to be stopped by us. */
  expectEnd(name: ContainerName): void {
    this.#expected.add(name);
    this.restarts.cancel(name);
    this.#followed.get(name)?.health?.pause();
  }

  /** It could not be stopped by us: should it end now, that is news. */
  stopFailed(name: ContainerName): void {
    this.#expected.delete(name);
    const { cgroups, stack } = this.#options.session;
    if (!isFrozen(cgroups, cgroupPath(stack, name))) this.#followed.get(name)?.health?.resume();
  }

  get running(): readonly ContainerName[] {
    return [...this.#followed.keys()].sort();
  }

  isRunning(name: ContainerName): boolean {
    return this.#followed.has(name);
  }

  get anyRunning(): boolean {
    return this.#followed.size > 0;
  }

  /** Whether it will be started again without anybody asking, by its policy or by repair. */
  willComeBack(name: ContainerName, status: ContainerStatus): boolean {
    const killed = status.exit === undefined || status.exit.initKilled;
    return this.restarts.willCome(name) || (killed && status.state === 'stopped' && !this.#expected.has(name));
  }

  healthOf(name: ContainerName): Health | undefined {
    return this.#followed.get(name)?.health?.health;
  }

  monitorOf(name: ContainerName): HealthMonitor | undefined {
    return this.#followed.get(name)?.health;
  }

  conditions(): Conditions {
    const { paths, bootId } = this.#options.session;
    const all = observeContainers(paths.containers, bootId);
    const names = (wanted: (status: ContainerStatus, name: ContainerName) => boolean) =>
      new Set(all.filter(({ status, name }) => wanted(status, name)).map(({ name }) => name));
    return {
      started: names(({ state, exit }) => state === 'running' || exit?.code === 0),
      healthy: names((_, name) => this.healthOf(name) === 'healthy'),
      completed: names(({ state, exit }) => state === 'stopped' && exit?.code === 0),
    };
  }

  /** Health checks of a frozen container rest. */
  setPaused(name: ContainerName, paused: boolean): void {
    const health = this.#followed.get(name)?.health;
    if (paused) health?.pause();
    else health?.resume();
  }

  /** The launcher that watched for ends has gone, and there is another one. */
  awaitEndsAnew(): void {
    for (const [name, { monitor, stop }] of this.#followed) this.#awaitEnd(name, { monitor, stop: stop.signal });
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#followed.keys()]) this.#unfollow(name);
    this.restarts[Symbol.dispose]();
  }

  #read(name: ContainerName): { record: ContainerRecord | undefined; status: ContainerStatus } {
    const { paths, bootId } = this.#options.session;
    const directory = `${paths.containers}/${name}`;
    return { record: readRecord(directory), status: readContainerStatus(directory, bootId) };
  }

  #follow(name: ContainerName, record: ContainerRecord, status: ContainerStatus): void {
    const { monitor, init } = status;
    if (monitor === undefined || sameProcess(this.#followed.get(name)?.monitor, monitor)) return;
    this.#unfollow(name);
    const stop = new AbortController();
    const health =
      record.healthcheck && status.state === 'running' ? this.#watchHealth(name, { record, status, check: record.healthcheck }) : undefined;
    this.#followed.set(name, { monitor, init, stop, check: record.healthcheck, health });
    const { cgroups, stack } = this.#options.session;
    if (isFrozen(cgroups, cgroupPath(stack, name))) health?.pause();
    this.#awaitEnd(name, { monitor, stop: stop.signal });
  }

  #awaitEnd(name: ContainerName, { monitor, stop }: { readonly monitor: ProcessIdentity; readonly stop: AbortSignal }): void {
    this.#options.session.launcher
      .waitExit(monitor, stop)
      // Unfollowed, or the launcher has gone: then the next one is asked.
      .then(
        () => this.#ended(name, monitor),
        () => undefined,
      )
      .catch((error: unknown) => {
        this.#undecided.add(name);
        this.#options.onError(error);
        this.#options.onChange();
      });
  }

  #unfollow(name: ContainerName): void {
    const followed = this.#followed.get(name);
    if (followed === undefined) return;
    this.#followed.delete(name);
    followed.stop.abort();
    followed.health?.[Symbol.dispose]();
  }

  #watchHealth(
    name: ContainerName,
    { record, status, check }: { readonly record: ContainerRecord; readonly status: ContainerStatus; readonly check: HealthcheckSpec },
  ): HealthMonitor {
    const startedAt = status.startedAt ?? Date.now();
    // Of a supervisor before: one probe that fails now is no worse than it would have been then.
    const proven = (this.restarts.healthySince(name) ?? 0) > startedAt;
    return monitorHealth({
      check,
      startedAt,
      adopted: proven ? 'healthy' : undefined,
      clock: SYSTEM_CLOCK,
      probe: (signal) => probeContainer(this.#options.session, record, { status, signal }),
      onChange: (health, detail) => this.#healthChanged(name, { health, detail, check }),
    });
  }

  #healthChanged(
    name: ContainerName,
    { health, detail, check }: { readonly health: Health; readonly detail: string | undefined; readonly check: HealthcheckSpec },
  ): void {
    const { emit, onMoment, onChange } = this.#options;
    emit({ type: 'container.health', at: Date.now(), container: name, health, detail });
    if (health === 'healthy') {
      this.restarts.healthy(name);
      onMoment('onHealthy', name);
    }
    if (health === 'unhealthy') {
      onMoment('onUnhealthy', name);
      if (check.restart) this.restarts.unhealthy(name);
    }
    onChange();
  }

  #ended(name: ContainerName, monitor: ProcessIdentity): void {
    const followed = this.#followed.get(name);
    if (!followed || !sameProcess(followed.monitor, monitor)) return;
    this.#unfollow(name);
    if (followed.init) this.#options.session.leaveNamespace(name, followed.init.pid);
    const { record, status } = this.#read(name);
    if (record && status.state === 'stopped') this.#hasEnded(name, record, status);
    this.#options.onChange();
  }

  /** Once for each run, whoever notices it first. */
  #hasEnded(name: ContainerName, record: ContainerRecord, status: ContainerStatus): void {
    const { monitor, exit } = status;
    if (monitor) {
      if (sameProcess(this.#ends.get(name), monitor)) return;
      this.#ends.set(name, monitor);
    }
    const { emit, onMoment } = this.#options;
    const requested = this.#expected.delete(name);
    if (exit) emit({ type: 'container.exited', at: Date.now(), container: name, requested, ...exit });
    onMoment('onExited', name);
    if (!requested && !this.#options.isStopped(name)) this.restarts.ended(name, record, status);
  }
}

function sameProcess(a: ProcessIdentity | undefined, b: ProcessIdentity): boolean {
  return a?.pid === b.pid && a.startTime === b.startTime;
}
