import fs from 'node:fs';
import type { StackSpec } from '../../dsl/spec.ts';
import { apply } from '../apply/apply.ts';
import type { Failpoints } from '../apply/failpoints.ts';
import type { ParamsOf } from '../control/calls.ts';
import { type ControlConnection, SupervisorGone } from '../control/client.ts';
import { readRecord } from '../kernel/containers.ts';
import type {
  BuildOptions,
  CallOptions,
  ContainerDetail,
  ContainerListing,
  DownOptions,
  Engine,
  ExecOptions,
  LogOptions,
  PlanOptions,
  PullOptions,
  StatsOptions,
  StopOptions,
  TargetOptions,
  UpOptions,
  UpResult,
} from '../model/engine.ts';
import { TsstackError } from '../model/errors.ts';
import type { EngineEvent } from '../model/events.ts';
import type { Fault, FaultChange, FaultPair } from '../model/faults.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { NetworkListing } from '../model/network-listing.ts';
import type { Plan } from '../model/plan.ts';
import type { SyncOptions } from '../model/sync.ts';
import { readDesiredState, readSupervisionState } from '../store/desired-state.ts';
import { readFaults } from '../store/faults.ts';
import { FileLock } from '../store/lock.ts';
import { readLogs } from '../store/logs.ts';
import { askedFirewall } from './asked-firewall.ts';
import { eventStream } from './event-stream.ts';
import { execInContainer } from './exec.ts';
import { createExecutors } from './executors.ts';
import { findImages, imageEnvironment } from './images.ts';
import { listContainers, listUnsupervised } from './listing.ts';
import { listNetworks } from './network-listing.ts';
import { takeNetworks } from './network-users.ts';
import { listPorts } from './port-listing.ts';
import { DEFAULT_POLICY, makeHostDirectories, planUp, requireRoot } from './prepare.ts';
import type { Session } from './session.ts';
import { buildImages, pullImages } from './stack-images.ts';
import { streamStats } from './stats.ts';
import { tellStorageFailures } from './storage-failure.ts';
import { SupervisorDoor } from './supervisor-door.ts';
import { syncIntoService } from './sync.ts';
import { takeDown } from './take-down.ts';
import { resolveTargets } from './targets.ts';
import { listProcesses } from './top.ts';

export interface StackEngineOptions {
  readonly build: string;
  readonly supervisor: readonly [string, ...string[]];
  readonly failpoints: Failpoints | undefined;
}

export class StackEngine implements Engine {
  readonly identity: StackIdentity;
  readonly #session: Session;
  readonly #failpoints: Failpoints | undefined;
  readonly #door: SupervisorDoor;

  constructor(session: Session, { build, supervisor, failpoints }: StackEngineOptions) {
    this.identity = session.stack;
    this.#session = session;
    this.#failpoints = failpoints;
    this.#door = new SupervisorDoor(session, { build, command: supervisor });
  }

  async plan(spec: StackSpec, { signal, forceRecreate, services }: PlanOptions): Promise<Plan> {
    requireRoot('plan');
    const policy = { ...DEFAULT_POLICY, forceRecreate: forceRecreate ?? false, services };
    return tellStorageFailures(this.#session.host.stateDirectory, async () => {
      makeHostDirectories(this.#session);
      const images = await findImages(this.#session, spec, signal);
      return (await planUp(this.#session, spec, { policy, images, keep: false, firewall: askedFirewall(process.env), signal })).plan;
    });
  }

  async up(spec: StackSpec, { signal, onEvent, forceRecreate, wait, ...rest }: UpOptions): Promise<UpResult> {
    requireRoot('bring the stack up');
    const environment = imageEnvironment(spec, process.env);
    const params = {
      spec,
      forceRecreate: forceRecreate ?? false,
      wait: wait ?? false,
      environment,
      firewall: askedFirewall(process.env),
      ...rest,
    };
    return this.#door.call('up', params, { signal, onEvent });
  }

  async pull(spec: StackSpec, options: PullOptions): Promise<void> {
    requireRoot('pull images');
    await pullImages(this.#session, spec, options);
  }

  async build(spec: StackSpec, options: BuildOptions): Promise<void> {
    requireRoot('build images');
    await buildImages(this.#session, spec, options);
  }

  async down({ signal, onEvent, volumes, timeoutMs }: DownOptions): Promise<UpResult> {
    requireRoot('take the stack down');
    const connection = await this.#door.open();
    if (connection) return this.#askDown(connection, { signal, onEvent, volumes, timeoutMs });
    makeHostDirectories(this.#session);
    using lock = FileLock.tryAcquire(this.#session.paths.lock, 'down');
    if (lock) return await this.#takeDown({ signal, onEvent, volumes, timeoutMs });
    // Somebody else is at work, or a supervisor is just starting or ending. To wait for that is what a new one does first.
    return this.#askDown(await this.#door.openOrStart(), { signal, onEvent, volumes, timeoutMs });
  }

  stop(options: StopOptions): Promise<void> {
    return this.#ask('stop', options, options);
  }
  start(options: TargetOptions): Promise<void> {
    return this.#ask('start', options, options);
  }
  restart(options: StopOptions): Promise<void> {
    return this.#ask('restart', options, options);
  }
  kill(options: TargetOptions & { readonly signalName: string }): Promise<void> {
    return this.#ask('kill', options, { ...options, signalName: options.signalName });
  }
  pause(options: TargetOptions): Promise<void> {
    return this.#ask('pause', options, options);
  }
  unpause(options: TargetOptions): Promise<void> {
    return this.#ask('unpause', options, options);
  }

  async setFault({ from, to, oneWay, effects }: FaultChange, { signal, onEvent }: CallOptions): Promise<void> {
    requireRoot('put faults on networks');
    this.#requireKnown();
    await this.#door.call('setFault', { from, to, oneWay, effects }, { signal, onEvent });
  }
  async heal(pair: FaultPair, { signal, onEvent }: CallOptions): Promise<void> {
    requireRoot('heal networks');
    this.#requireKnown();
    await this.#door.call('heal', { pair }, { signal, onEvent });
  }
  async faults(): Promise<readonly Fault[]> {
    requireRoot('list faults');
    return readFaults(this.#session.paths);
  }

  async ps(): Promise<readonly ContainerListing[]> {
    requireRoot('list containers');
    const connection = await this.#openOrAdopt();
    return connection ? connection.call('ps', {}) : listUnsupervised(this.#session);
  }

  async inspect(): Promise<readonly ContainerDetail[]> {
    const listings = await this.ps();
    const { containers } = this.#session.paths;
    return listings.map((listing) => ({ ...listing, record: readRecord(`${containers}/${listing.name}`) }));
  }

  async networks(): Promise<readonly NetworkListing[]> {
    requireRoot('list networks');
    const { host, bootId } = this.#session;
    return listNetworks(host, { bootId, only: this.identity.id });
  }

  async untilStopped({ targets, signal, onEvent }: TargetOptions): Promise<readonly ContainerListing[]> {
    requireRoot('wait for containers');
    const connection = await this.#openOrAdopt();
    if (connection) return this.#door.call('untilStopped', { targets }, { signal, onEvent });
    return resolveTargets(listContainers(this.#session), targets, { stack: this.identity.name });
  }

  async *events({ signal }: { readonly signal: AbortSignal }): AsyncIterable<EngineEvent> {
    requireRoot('follow events');
    this.#requireKnown();
    yield* eventStream((onEvent) => this.#door.call('events', {}, { signal, onEvent }));
  }

  logs({ signal, follow, only, since, tail }: LogOptions) {
    return readLogs({ directory: this.#session.paths.logs, signal, follow, only, since, tail });
  }

  exec(options: ExecOptions): Promise<number> {
    requireRoot('exec');
    return execInContainer(this.#session, options);
  }

  sync(options: SyncOptions): Promise<readonly string[]> {
    requireRoot('sync files');
    return syncIntoService(this.#session, options);
  }

  stats(options: StatsOptions) {
    requireRoot('measure containers');
    return streamStats(this.#session, options);
  }

  async top({ targets }: { readonly targets?: readonly string[] | undefined }) {
    requireRoot('list processes');
    return listProcesses(this.#session, { targets });
  }

  async ports({ targets }: { readonly targets?: readonly string[] | undefined }) {
    requireRoot('list ports');
    return listPorts(this.#session, targets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#door[Symbol.dispose]();
    await this.#session[Symbol.asyncDispose]();
  }

  async #ask<K extends 'stop' | 'start' | 'restart' | 'kill' | 'pause' | 'unpause'>(
    name: K,
    { signal, onEvent, hurry, targets, timeoutMs }: StopOptions,
    params: ParamsOf<K>,
  ): Promise<void> {
    requireRoot(`${name} containers`);
    this.#requireKnown();
    const own = 'signalName' in params ? { signalName: params.signalName } : {};
    await this.#door.call(name, { targets, timeoutMs, ...own } as unknown as ParamsOf<K>, { signal, hurry, onEvent });
  }

  async #askDown(connection: ControlConnection, options: DownOptions): Promise<UpResult> {
    const { signal, onEvent, ...params } = options;
    const gone = this.#door.untilGone();
    try {
      const { goesOn, ...result } = await connection.call('down', params, { signal, onEvent });
      if (!goesOn) await gone();
      return result;
    } catch (error) {
      // It was just ending, and took nothing in any more.
      if (!(error instanceof SupervisorGone) || error.begun) throw error;
      await gone();
      return this.down(options);
    }
  }

  /** A supervisor that was cut off is replaced by whichever command comes next. */
  async #openOrAdopt(): Promise<ControlConnection | undefined> {
    const connection = await this.#door.open();
    if (connection) return connection;
    const { paths, bootId } = this.#session;
    const state = readSupervisionState(paths);
    return state?.bootId === bootId && !state.ended ? this.#door.openOrStart() : undefined;
  }

  #requireKnown(): void {
    const { paths, bootId } = this.#session;
    if (readSupervisionState(paths)?.bootId === bootId && readDesiredState(paths)) return;
    throw new TsstackError(`stack \`${this.identity.name}\` is not up`, { code: 'not-found', hint: '`tsstack up -d` brings it up' });
  }

  async #takeDown({ signal, onEvent, volumes, timeoutMs }: DownOptions): Promise<UpResult> {
    const session = this.#session;
    using _networks = takeNetworks(session);
    const perform = async (plan: Plan): Promise<void> => {
      onEvent({ type: 'planned', at: Date.now(), plan });
      const executors = createExecutors(session, { onEvent, hurry: undefined });
      await apply(plan, { executors, signal, onEvent, now: Date.now, failpoints: this.#failpoints });
    };
    const result = await takeDown(session, { volumes, timeoutMs, perform, signal });
    // A supervisor that was killed could not remove them.
    for (const left of [session.paths.socket, session.paths.supervisorLog]) fs.rmSync(left, { force: true });
    return result;
  }
}
