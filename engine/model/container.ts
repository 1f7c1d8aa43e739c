import type { HealthcheckSpec, HooksSpec, PublishedPort, RestartSpec, UpdateSpec } from '../../dsl/spec.ts';
import type { ContainerName } from './ids.ts';
import type { LaunchSpec } from './launch.ts';

/** A process that cannot be confused with a later one of the same number: start time in clock ticks since boot (proc(5), stat field 22). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

/** As in the OCI runtime spec. `creating`: half-made, or its monitor died before it was started. */
export type ContainerStateName = 'creating' | 'created' | 'running' | 'stopped';

/** What a container is doing, from its monitor's status file checked against the kernel. Times in ms since the epoch. */
export interface ContainerStatus {
  readonly state: ContainerStateName;
  readonly monitor: ProcessIdentity | undefined;
  readonly init: ProcessIdentity | undefined;
  readonly createdAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** Of a stopped one. Undefined: nobody saw its end (the machine or its monitor was killed). */
  readonly exit: ContainerExit | undefined;
}

export interface ContainerExit {
  /** 0 … 255; 128 + signal if a signal ended it. */
  readonly code: number;
  readonly signal: number | undefined;
  readonly oomKilled: boolean;
  /** PID 1 itself was killed, by somebody outside (from inside it can't be) who wasn't the kernel's OOM killer. */
  readonly initKilled: boolean;
  /** Why it could not be started at all. */
  readonly error: string | undefined;
}

/** Of a container with a healthcheck. `starting` until the first success or, after its patience, `unhealthy`. */
export type Health = 'starting' | 'healthy' | 'unhealthy';

/** What the kernel cannot be asked about a container: kept beside it, written once when it is created. */
export interface ContainerRecord {
  readonly version: 1;
  readonly name: ContainerName;
  readonly service: string;
  /** From 1. */
  readonly index: number;
  readonly kind: 'service' | 'job';
  /** Only of jobs. */
  readonly rerun: 'on-change' | 'always';
  /** Hash of what the process is born with. A different one means recreate. */
  readonly configHash: string;
  /** Of the image it was made from. */
  readonly imageDigest: string;
  /** Bind-mounted files by path, with the hash of their content when it was made. */
  readonly fileHashes: Readonly<Record<string, string>>;
  readonly image: string;
  /** How it was made: what `exec` and a restart need. */
  readonly launch: LaunchSpec;
  /** `SIGTERM` */
  readonly stopSignal: string;
  readonly stopGracePeriodMs: number;
  readonly restart: RestartSpec;
  readonly healthcheck: HealthcheckSpec | undefined;
  readonly ports: readonly PublishedPort[];
  /** Network → IPv4 address. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Network → IPv6 address. Absent: none. */
  readonly addresses6?: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Services it depends on: they are stopped after it. */
  readonly dependsOn: readonly string[];
  readonly hooks: HooksSpec;
  readonly update: UpdateSpec;
}
