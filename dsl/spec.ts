/**
 * The StackSpec: what a stack file means, in long form, with every default filled in. Plain data, JSON-serialisable.
 * `dsl/normalize.ts` makes it from what the user wrote; `engine/plan/lower.ts` turns it into desired kernel objects.
 */

import type { ImageSource, PullPolicy } from './spec-image.ts';
import type { DnsSpec, NetworkAttachmentSpec, NetworkModeSpec, NetworkSpec, PortSpec } from './spec-network.ts';

export type {
  BuildSource,
  BuildStepSpec,
  DebianSource,
  DockerfileRecipe,
  ImageSource,
  PullPolicy,
  StepsRecipe,
} from './spec-image.ts';
export type {
  DnsSpec,
  ExternalNetworkSpec,
  Ipv6Spec,
  MacvlanSettings,
  NetworkAttachmentSpec,
  NetworkModeSpec,
  NetworkSpec,
  PortSpec,
  PublishedPort,
} from './spec-network.ts';

export interface StackSpec {
  readonly name: string;
  readonly services: Readonly<Record<string, ServiceSpec>>;
  readonly networks: Readonly<Record<string, NetworkSpec>>;
  readonly volumes: Readonly<Record<string, VolumeSpec>>;
}

export interface ServiceSpec {
  /** A `job` runs once; its success is remembered by the hash of its inputs. */
  readonly kind: 'service' | 'job';
  /** Only of jobs: `always` runs it at every `up`. */
  readonly rerun: 'on-change' | 'always';
  readonly image: ImageSource;
  /** Of an image that is a reference. `missing`: the registry is asked only for what isn't here. */
  readonly pullPolicy: PullPolicy;
  /** Replaces the image's entrypoint. Undefined: the image's own. */
  readonly entrypoint: readonly string[] | undefined;
  /** Replaces the image's command. */
  readonly command: readonly string[] | undefined;
  /** Written in the stack file. Wins over `envFile`. A null value takes the variable from the environment of `tsstack`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Read in order, later ones win. Paths absolute. */
  readonly envFile: readonly EnvFileSpec[];
  readonly workingDir: string | undefined;
  /** `user`, `uid`, `user:group` or `uid:gid`. */
  readonly user: string | undefined;
  /** Undefined: the container's name. RFC 1123. */
  readonly hostname: string | undefined;
  readonly mounts: readonly MountSpec[];
  readonly networkMode: NetworkModeSpec;
  /** Highest priority first: the first that isn't internal gives the default route. Empty unless `networkMode` is `own`. */
  readonly networks: readonly NetworkAttachmentSpec[];
  readonly dns: DnsSpec;
  /** Name → addresses, for /etc/hosts; `host-gateway` is the host's own address on the container's first network. */
  readonly extraHosts: Readonly<Record<string, readonly string[]>>;
  readonly ports: readonly PortSpec[];
  readonly dependsOn: Readonly<Record<string, DependencySpec>>;
  /** Undefined: the image's own, if it has one and `inheritHealthcheck` says so. */
  readonly healthcheck: HealthcheckSpec | undefined;
  /** False: `disable: true` was written. */
  readonly inheritHealthcheck: boolean;
  readonly restart: RestartSpec;
  readonly hooks: HooksSpec;
  readonly update: UpdateSpec;
  /** Rules of `tsstack watch`. */
  readonly watch: readonly WatchRuleSpec[];
  /** 0 … 1000. Jobs: 1. */
  readonly replicas: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Name with SIG, e.g. `SIGTERM`. Undefined: the image's own, or else SIGTERM. */
  readonly stopSignal: string | undefined;
  /** Milliseconds between the stop signal and SIGKILL. */
  readonly stopGracePeriodMs: number;
  /** A tiny init as PID 1. */
  readonly init: boolean;
  /** The root filesystem is read-only. */
  readonly readOnly: boolean;
  readonly limits: LimitsSpec;
  readonly userns: 'private' | 'host';
  /** Capabilities added to and dropped from the default set, names without CAP_, e.g. `NET_RAW`. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** Sysctls inside the container's namespaces, e.g. `net.core.somaxconn`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface EnvFileSpec {
  readonly path: string;
  readonly required: boolean;
}

export type MountSpec =
  | {
      readonly type: 'volume';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** A new volume is not filled with what the image has there. */
      readonly noCopy?: true;
    }
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly createHostPath: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly sizeBytes: number | undefined;
      readonly mode: number | undefined;
      readonly readOnly: boolean;
    };

export type DependencyCondition = 'started' | 'healthy' | 'completed';

export interface DependencySpec {
  readonly condition: DependencyCondition;
  /** When the dependency is restarted or recreated, so is who depends on it, after it. */
  readonly restart: boolean;
}

export interface HealthcheckSpec {
  readonly probe: ProbeSpec;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
  /** Failures in this time after the start don't count. */
  readonly startPeriodMs: number;
  /** Time between probes until the first success. */
  readonly startIntervalMs: number;
  /** An unhealthy container is restarted, with backoff. */
  readonly restart: boolean;
}

/** What is asked to find out whether a container is healthy. */
export type ProbeSpec =
  /** An argv run in the container; exit code 0 is healthy. `CMD-SHELL` has become `/bin/sh -c`. */
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  /** GET to the container's own address; a status of 200 … 399 is healthy. */
  | { readonly kind: 'http'; readonly port: number; readonly path: string; readonly headers: Readonly<Record<string, string>> }
  /** A connection to the container's own address is taken. */
  | { readonly kind: 'tcp'; readonly port: number }
  /** A line of output since the start matches. Source and flags of a RegExp. Once seen, it stays healthy. */
  | { readonly kind: 'log'; readonly pattern: string; readonly flags: string };

/** A command run in a container at a point of its life. */
export interface HookSpec {
  readonly argv: readonly string[];
  /** As the service's. Undefined: the service's own. */
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
  /** Over the container's own. */
  readonly environment: Readonly<Record<string, string>>;
  /** After which it is killed and counts as failed. */
  readonly timeoutMs: number;
}

/** Functions of the stack file, by the moment at which the supervisor calls them. */
export type HostHookName = 'onStarted' | 'onHealthy' | 'onUnhealthy' | 'onExited';

export interface HooksSpec {
  /** In order, after the start; the container is ready for those who depend on it when they have ended. A failure is a failed start. */
  readonly postStart: readonly HookSpec[];
  /** In order, before the stop signal, within the grace period. A failure is told and doesn't keep it from stopping. */
  readonly preStop: readonly HookSpec[];
  /** Which functions the stack file declares, sorted. The functions themselves are no data: the supervisor loads the file for them. */
  readonly host: readonly HostHookName[];
  /** For each call of one of them. */
  readonly hostTimeoutMs: number;
}

/** How replicas are replaced when what they are born with changes. */
export interface UpdateSpec {
  /** `start-first`: a new one is ready before an old one is stopped. */
  readonly order: 'start-first' | 'stop-first';
  /** How many at a time, at least 1. */
  readonly parallelism: number;
}

/** What `tsstack watch` does when files on the host change. */
export interface WatchRuleSpec {
  /** Absolute path on the host of a file or directory. */
  readonly path: string;
  readonly action: 'sync' | 'restart' | 'sync+restart' | 'sync+exec';
  /** Absolute path in the container; of the `sync` actions. */
  readonly target: string | undefined;
  /** Globs relative to `path` that are left out. */
  readonly ignore: readonly string[];
  /** Of `sync+exec`. */
  readonly exec: HookSpec | undefined;
}

export interface RestartSpec {
  readonly policy: 'no' | 'always' | 'on-failure' | 'unless-stopped';
  /** Only of on-failure. Undefined: no end. */
  readonly maxRetries: number | undefined;
}

export interface LimitsSpec {
  /** CPUs, e.g. 1.5. */
  readonly cpus: number | undefined;
  /** Relative weight as in cgroup v1 and Compose: 2 … 262144, 1024 is normal. */
  readonly cpuShares: number | undefined;
  /** List format of cpuset(7): `0-1,3`. */
  readonly cpuset: string | undefined;
  /** Bytes. */
  readonly memory: number | undefined;
  /** Bytes; soft limit. */
  readonly memoryReservation: number | undefined;
  /** Bytes of swap beyond memory. 0: none. */
  readonly swap: number | undefined;
  readonly pids: number | undefined;
}

export interface VolumeSpec {
  readonly labels: Readonly<Record<string, string>>;
}
