/** What the CLI and, later, the test API may ask of the engine. `engine/index.ts` makes one. */
import type { StackSpec } from '../../dsl/spec.ts';
import type { ContainerExit, ContainerStateName } from './container.ts';
import type { OnEvent } from './events.ts';
import type { StackIdentity } from './ids.ts';
import type { Plan } from './plan.ts';

export interface Engine extends AsyncDisposable {
  /** What `up` would do. Changes nothing. */
  plan(spec: StackSpec, options: PlanOptions): Promise<Plan>;
  /** Reconciles. Resolves when the plan is done; rejects with the first failure after everything that could go on has. */
  up(spec: StackSpec, options: UpOptions): Promise<UpResult>;
  /** Stops and removes everything of this stack. Needs no stack file: what bears the mark goes. */
  down(options: DownOptions): Promise<UpResult>;
  /** Stops the containers and leaves the rest: what Ctrl-C of an attached `up` does. `services`: as of `up`. */
  stop(
    spec: StackSpec,
    options: {
      readonly signal: AbortSignal;
      readonly onEvent: OnEvent;
      readonly hurry: AbortSignal;
      readonly services?: readonly string[] | undefined;
    },
  ): Promise<void>;
  ps(): Promise<readonly ContainerListing[]>;
  /** Output lines in order of time. `follow`: goes on until the signal. */
  logs(options: LogOptions): AsyncIterable<LogLine>;
  /** Runs a command in a running container with this process's stdio. Resolves to its exit code (128 + n for a signal). */
  exec(options: ExecOptions): Promise<number>;
  /** While attached: restarts by policy; resolves when all containers have stopped for good, or at the signal. */
  supervise(
    spec: StackSpec,
    options: { readonly signal: AbortSignal; readonly onEvent: OnEvent; readonly services?: readonly string[] | undefined },
  ): Promise<readonly ContainerListing[]>;
  readonly identity: StackIdentity;
}

export interface PlanOptions {
  readonly signal: AbortSignal;
  readonly forceRecreate?: boolean;
  readonly services?: readonly string[] | undefined;
}
export interface UpOptions extends PlanOptions {
  readonly onEvent: OnEvent;
  /** Also wait until everything is running, healthy or completed. */
  readonly wait?: boolean;
  /** Of `wait`, ms. */
  readonly waitTimeoutMs?: number | undefined;
}
export interface DownOptions {
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  readonly volumes: boolean;
  /** Overrides each service's stop grace period, ms. */
  readonly timeoutMs?: number | undefined;
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
  readonly addresses: Readonly<Record<string, string>>;
  /** `127.0.0.1:8080->80/tcp` */
  readonly ports: readonly string[];
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
