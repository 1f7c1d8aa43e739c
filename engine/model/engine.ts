/** What the CLI and, later, the test API may ask of the engine. `engine/index.ts` makes one. */
import type { PublishedPort, StackSpec } from '../../dsl/spec.ts';
import type { ContainerExit, ContainerRecord, ContainerStateName, Health } from './container.ts';
import type { EngineEvent, OnEvent } from './events.ts';
import type { Fault, FaultChange, FaultPair } from './faults.ts';
import type { StackIdentity } from './ids.ts';
import type { LaunchSpec } from './launch.ts';
import type { Plan } from './plan.ts';
import type { SyncOptions } from './sync.ts';

export interface Engine extends AsyncDisposable {
  /** What `up` would do. Changes nothing. */
  plan(spec: StackSpec, options: PlanOptions): Promise<Plan>;
  /** Reconciles. Resolves when the plan is done; rejects with the first failure after everything that could go on has. */
  up(spec: StackSpec, options: UpOptions): Promise<UpResult>;
  /** Asks the registries for the images of services, and fetches what has changed. What runs goes on with what it has. */
  pull(spec: StackSpec, options: PullOptions): Promise<void>;
  /** Builds the images of services that are built here, unless there is one of the same. What runs goes on with what it has. */
  build(spec: StackSpec, options: BuildOptions): Promise<void>;
  /** Stops and removes everything of this stack. Needs no stack file: what bears the mark goes. */
  down(options: DownOptions): Promise<UpResult>;
  /** Stops containers, which stay stopped until they are started, and leaves the rest: what Ctrl-C of an attached `up` does, too. */
  stop(options: StopOptions): Promise<void>;
  /** Starts containers that were stopped or have ended. */
  start(options: TargetOptions): Promise<void>;
  /** Stops and starts them; what they had written stays. */
  restart(options: StopOptions): Promise<void>;
  /** Sends a signal to the containers' processes. What follows from it is up to their restart policy, unless it is SIGKILL: then they stay stopped. */
  kill(options: TargetOptions & { readonly signalName: string }): Promise<void>;
  /** Freezes the processes of running containers; health checks rest. */
  pause(options: TargetOptions): Promise<void>;
  unpause(options: TargetOptions): Promise<void>;
  /**
   * Puts a fault between two services in force, until it is healed or the stack is taken down. Rejects with `not-found` for an unknown end, `usage`
   * for a pair that shares no network or values out of range, `kernel` where this kernel lacks what it takes; then nothing has changed.
   */
  setFault(change: FaultChange, options: CallOptions): Promise<void>;
  /** Takes away the faults between two, or all. Rejects with `not-found` if there are none between the two. */
  heal(pair: FaultPair, options: CallOptions): Promise<void>;
  /** Those that are in force. */
  faults(): Promise<readonly Fault[]>;
  ps(): Promise<readonly ContainerListing[]>;
  /** All that is known of each container that is there. */
  inspect(): Promise<readonly ContainerDetail[]>;
  /** Output lines in order of time. `follow`: goes on until the signal. */
  logs(options: LogOptions): AsyncIterable<LogLine>;
  /** Runs a command in a running container with this process's stdio. Resolves to its exit code (128 + n for a signal). */
  exec(options: ExecOptions): Promise<number>;
  /** Puts files of the host into the running containers of a service. Resolves to their names; `kernel` tells all that could not be done. */
  sync(options: SyncOptions): Promise<readonly string[]>;
  /** Resolves when the targets have stopped for good (none will be restarted), or at the signal, with what has become of them. */
  untilStopped(options: TargetOptions): Promise<readonly ContainerListing[]>;
  /** What happens from now on, until the signal. Ends when the stack is taken down. */
  events(options: { readonly signal: AbortSignal }): AsyncIterable<EngineEvent>;
  /** Of each running target. `follow`: again every `intervalMs`; else once, after a first interval to measure rates by. */
  stats(options: StatsOptions): AsyncIterable<readonly ContainerStats[]>;
  /** The processes in each running target. */
  top(options: { readonly targets?: readonly string[] | undefined }): Promise<readonly ProcessListing[]>;
  /** Published ports of the containers that are there, on each address of the host. Throws `not-found` for a target that isn't there. */
  ports(options: { readonly targets?: readonly string[] | undefined }): Promise<readonly PortListing[]>;
  readonly identity: StackIdentity;
}

export interface PlanOptions {
  readonly signal: AbortSignal;
  readonly forceRecreate?: boolean;
  readonly services?: readonly string[] | undefined;
}
export interface PullOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** Undefined: all. */
  readonly services?: readonly string[] | undefined;
}
export interface BuildOptions extends PullOptions {
  /** Do all steps again. */
  readonly noCache?: boolean;
  /** Ask the registries whether what is built on is newer there. */
  readonly pull?: boolean;
}
export interface UpOptions extends PlanOptions {
  readonly onEvent: OnEvent;
  /** Also wait until everything is running, healthy or completed. */
  readonly wait?: boolean;
  /** Of `wait`, ms. */
  readonly waitTimeoutMs?: number | undefined;
  readonly source?: StackSource | undefined;
}
/** Where a spec came from: a stack file's host-side hooks are loaded from there once more. */
export interface StackSource {
  readonly file: string;
  readonly command: string;
  readonly mode: string | undefined;
  readonly profiles: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface DownOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  readonly volumes: boolean;
  /** Overrides each service's stop grace period, ms. */
  readonly timeoutMs?: number | undefined;
}
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
}
export interface TargetOptions extends CallOptions {
  /** Services or containers (`web`, `web-1`). Undefined: all. Throws `not-found` for a name that is neither. */
  readonly targets?: readonly string[] | undefined;
}
export interface StopOptions extends TargetOptions {
  /** Overrides each service's stop grace period, ms. */
  readonly timeoutMs?: number | undefined;
  /** Aborted: ends the grace period. */
  readonly hurry?: AbortSignal | undefined;
}
export interface StatsOptions {
  readonly targets?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  readonly follow: boolean;
  /** ms; default 1000. */
  readonly intervalMs?: number | undefined;
}

/** One moment of one container. Counters run since its start; that of CPU time may go on over restarts. `engine/kernel/usage.ts` says what is measured. */
export interface ContainerStats {
  readonly container: string;
  readonly service: string;
  /** ms since the epoch. */
  readonly at: number;
  /** CPU time used, µs. */
  readonly cpuUsec: number;
  /** Since the sample before, 100 is one CPU. */
  readonly cpuPercent: number;
  /** Bytes in use, without what the page cache could give back. */
  readonly memoryBytes: number;
  /** Undefined: no limit. */
  readonly memoryLimitBytes: number | undefined;
  readonly pids: number;
  readonly pidsLimit: number | undefined;
  /** Bytes read from and written to block devices. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Bytes over all of its interfaces but loopback. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface PortListing extends PublishedPort {
  readonly container: string;
  readonly service: string;
}

export interface ProcessListing {
  readonly container: string;
  /** On the host. */
  readonly pid: number;
  /** In the container. */
  readonly containerPid: number;
  /** In the container; 0: its parent isn't in it. */
  readonly parentPid: number;
  /** In the container. */
  readonly uid: number;
  /** ms of CPU time. */
  readonly cpuMs: number;
  /** Resident set, bytes. */
  readonly memoryBytes: number;
  /** ms since the epoch, exact to a second. */
  readonly startedAt: number;
  readonly command: string;
}

/** An image that is here, by one of its references. */
export interface ImageListing {
  /** In full: `docker.io/library/postgres:17`. */
  readonly reference: string;
  /** As people write it, without tag and digest: `postgres`. */
  readonly name: string;
  /** Undefined: it was asked for by its digest alone. */
  readonly tag: string | undefined;
  /** Of what the reference names. */
  readonly digest: string;
  /** Of its layers, compressed, bytes. */
  readonly size: number;
  /** ms since the epoch. */
  readonly pulledAt: number;
  /** Containers of all stacks: `shop-web-1`. */
  readonly usedBy: readonly string[];
}

export interface UpResult {
  readonly plan: Plan;
  readonly durationMs: number;
}

export interface ContainerListing {
  /** `web-1` */
  readonly name: string;
  /** `shop-web-1` */
  readonly fullName: string;
  readonly service: string;
  readonly kind: 'service' | 'job';
  readonly state: ContainerStateName;
  readonly pid: number | undefined;
  readonly image: string;
  readonly command: readonly string[];
  readonly createdAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly exit: ContainerExit | undefined;
  /** Undefined: it has no healthcheck, or doesn't run, or nobody watches it. */
  readonly health: Health | undefined;
  readonly paused: boolean;
  /** By policy, health or repair since it was last brought up. */
  readonly restarts: number;
  /** Why it isn't running, or not as it should be: `waits for db-1 to be healthy`, `restarts in 3.2 s (attempt 4)`, `stopped on request`. */
  readonly reason: string | undefined;
  readonly addresses: Readonly<Record<string, string>>;
  /** Whose network it has, if not one of its own: the host's, or that of a container. */
  readonly network?: LaunchSpec['network'];
  /** Network → IPv6 address. */
  readonly addresses6: Readonly<Record<string, string>>;
  /** `127.0.0.1:8080->80/tcp` */
  readonly ports: readonly string[];
}

export interface ContainerDetail extends ContainerListing {
  /** Undefined: it was never finished. */
  readonly record: ContainerRecord | undefined;
}

export interface LogOptions {
  readonly signal: AbortSignal;
  readonly follow: boolean;
  /** Services or containers; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** ms since the epoch. */
  readonly since?: number | undefined;
  /** Last n lines of each container. */
  readonly tail?: number | undefined;
}
export interface LogLine {
  readonly container: string;
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  readonly text: string;
}

export interface ExecOptions {
  /** Service (its first running container) or container name. */
  readonly target: string;
  /** Which of a service's containers, from 1. */
  readonly index?: number | undefined;
  readonly argv: readonly string[];
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
  /** Aborted: the command gets the signal that is the abort's reason, e.g. `SIGTERM`. */
  readonly signal?: AbortSignal | undefined;
}
