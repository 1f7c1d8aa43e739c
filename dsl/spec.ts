/**
 * The StackSpec: what a stack file means, in long form, with every default filled in. Plain data, JSON-serialisable.
 * `dsl/normalize.ts` makes it from what the user wrote; `engine/plan/lower.ts` turns it into desired kernel objects.
 */

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
  /** In order of priority: the first that isn't internal gives the default route. */
  readonly networks: readonly NetworkAttachmentSpec[];
  readonly ports: readonly PortSpec[];
  readonly dependsOn: Readonly<Record<string, DependencySpec>>;
  readonly healthcheck: HealthcheckSpec | undefined;
  readonly restart: RestartSpec;
  /** 0 … 1000. Jobs: 1. */
  readonly replicas: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Name with SIG, e.g. `SIGTERM`. */
  readonly stopSignal: string;
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

export type ImageSource =
  /** The host's userland, read-only. */
  | { readonly kind: 'hostRootfs' }
  /** A directory, shared read-only by all that use it. Absolute path. */
  | { readonly kind: 'rootfs'; readonly path: string }
  /** An OCI reference, as written. */
  | { readonly kind: 'reference'; readonly reference: string };

export interface EnvFileSpec {
  readonly path: string;
  readonly required: boolean;
}

export type MountSpec =
  | { readonly type: 'volume'; readonly source: string; readonly target: string; readonly readOnly: boolean }
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

export interface NetworkAttachmentSpec {
  readonly network: string;
  readonly aliases: readonly string[];
  /** Static address; only with `replicas: 1`. */
  readonly ipv4Address: string | undefined;
}

export interface PortSpec {
  /** Where it listens on the host. Default 127.0.0.1; 0.0.0.0 is all. */
  readonly hostAddress: string;
  /** 1 … 65535. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

export type DependencyCondition = 'started' | 'healthy' | 'completed';

export interface DependencySpec {
  readonly condition: DependencyCondition;
}

export interface HealthcheckSpec {
  /** An argv run in the container; exit code 0 is healthy. `CMD-SHELL` has become `/bin/sh -c`. */
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make it unhealthy. */
  readonly retries: number;
  /** Failures in this time after the start don't count. */
  readonly startPeriodMs: number;
  /** Time between probes until the first success. */
  readonly startIntervalMs: number;
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

export interface NetworkSpec {
  /** No way out. */
  readonly internal: boolean;
  /** IPv4 CIDR; undefined: IPAM chooses. */
  readonly subnet: string | undefined;
  /** IPv4 address; undefined: the first of the subnet. */
  readonly gateway: string | undefined;
  /** Bytes, 68 … 65535. Undefined: 1500. */
  readonly mtu: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface VolumeSpec {
  readonly labels: Readonly<Record<string, string>>;
}
