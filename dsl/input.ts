/**
 * What people write in a stack file. Written by hand rather than inferred from the schema: an inferred type would drag zod's
 * types into every type check of a stack file. The type parameters are the names declared in the same stack: `S` services,
 * `N` networks, `V` volumes. A name that refers to nothing is thereby a compile-time error where it stands.
 */
import type { DevelopInput } from './input-develop.ts';
import type { HealthcheckInput } from './input-health.ts';
import type { HookCommand, HostHooksInput } from './input-hooks.ts';
import type { DockerfileBuildInput, ImageInput } from './input-image.ts';
import type { AttachmentInput, ExtraHostsInput, NetworkInput, NetworkModeInput, PortInput } from './input-network.ts';
import type { Duration, Labels, Scalar, Size } from './input-values.ts';

export interface StackInput<S extends string = string, N extends string = string, V extends string = string> {
  /** `[a-z0-9][a-z0-9_-]*`. Default: the name of the stack file's directory. */
  readonly name?: string;
  readonly services: { readonly [K in S]: ServiceInput<NoInfer<S>, NoInfer<N>, NoInfer<V>> };
  /** A service without `networks` joins the network `default`, which need not be declared. */
  readonly networks?: { readonly [K in N]: NetworkInput | null };
  readonly volumes?: { readonly [K in V]: VolumeInput | null };
  /** Of services that don't say it themselves, default true. */
  readonly strictPorts?: boolean;
}

export type ServiceInput<S extends string = string, N extends string = string, V extends string = string> = ServiceSettings<S, N, V> &
  (FromImage | FromDockerfile);

export interface FromImage {
  /** An OCI reference, `hostRootfs()`, `rootfs('./dir')`, `debian()`, `ociImage()` or `build()`. With `build`: a reference that what is built gets. */
  readonly image: ImageInput;
  readonly build?: undefined;
}

export interface FromDockerfile {
  readonly image?: string;
  /** Directory with a `Dockerfile`, relative to the stack file, or the long form. */
  readonly build: string | DockerfileBuildInput;
}

export interface ServiceSettings<S extends string = string, N extends string = string, V extends string = string> extends HostHooksInput {
  /** `job` runs once, and counts as done when it exits with 0. Default `service`. */
  readonly kind?: 'service' | 'job';
  /** Of jobs: run again only when its inputs changed (default), or at every `up`. */
  readonly rerun?: 'on-change' | 'always';
  /** Of a reference: when the registry is asked. `missing` (default): for what isn't here. */
  readonly pullPolicy?: 'missing' | 'always' | 'never';
  /** Replaces the image's entrypoint. Text is split like a shell does, without expansion. */
  readonly entrypoint?: string | readonly string[];
  /** Replaces the image's command. Text is split like a shell does, without expansion. */
  readonly command?: string | readonly string[];
  /** `null` takes the variable from the environment of `tsstack`; if it is not set there, it is left out. */
  readonly environment?: { readonly [name: string]: Scalar | null | undefined };
  /** Read in order, later ones win, `environment` wins over all. Relative to the stack file. */
  readonly envFile?: string | EnvFileInput | readonly (string | EnvFileInput)[];
  readonly workingDir?: string;
  /** `user`, `uid`, `user:group` or `uid:gid`. */
  readonly user?: string | number;
  /** Default: the container's name. */
  readonly hostname?: string;
  /** `'pgdata:/data'` is a volume, `'./src:/app:ro'` a bind: its source starts with `.`, `/` or `~`. */
  readonly volumes?: readonly (VolumeText<V> | MountInput<V>)[];
  /** `'/run'` or `'/run:size=64m,mode=1777'`. */
  readonly tmpfs?: string | readonly string[];
  /** Default `['default']`; `[]` is none but loopback. */
  readonly networks?: readonly (N | 'default')[] | { readonly [K in N | 'default']?: AttachmentInput | null };
  /** Whose network it has, in the place of `networks`. */
  readonly networkMode?: NetworkModeInput<S>;
  /** Name servers, IPv4 or IPv6, for what no network of the container knows. Default: the host's. */
  readonly dns?: string | readonly string[];
  /** Domains in which short names are looked for; `[]` is none. Default: the host's. */
  readonly dnsSearch?: string | readonly string[];
  /** As in resolv.conf(5): `'ndots:2'`. Default: the host's. */
  readonly dnsOpt?: readonly string[];
  /** More names for `/etc/hosts`. */
  readonly extraHosts?: ExtraHostsInput;
  /**
   * `'8080:80'`, `'127.0.0.1:53:53/udp'`, `'[::1]:8080:80'`, `'*:8080:80'`, `'8000-8002:80-82'`; `80` or `'80'` is any port of the host
   * that is free, `'8000-8010:80'` the first of these that is. Bound to 127.0.0.1 and ::1 if no address is given.
   */
  readonly ports?: readonly (number | string | PortInput)[];
  /** False: where a port of the host is taken, the next one that is free. Default: the stack's. */
  readonly strictPorts?: boolean;
  readonly dependsOn?: readonly S[] | { readonly [K in S]?: Condition | DependencyInput };
  readonly healthcheck?: HealthcheckInput;
  /** Default `no`. */
  readonly restart?: 'no' | 'always' | 'unless-stopped' | 'on-failure' | `on-failure:${number}`;
  /** One command, or a list of them, run in the container after its start. It counts as started when they have ended; a failure is a failed start. */
  readonly postStart?: HookCommand | readonly HookCommand[];
  /** One command, or a list of them, run in the container before the stop signal, within the grace period. A failure doesn't keep it from stopping. */
  readonly preStop?: HookCommand | readonly HookCommand[];
  /** How containers are replaced when what they were born with changes. Not of jobs. */
  readonly update?: UpdateInput;
  readonly develop?: DevelopInput;
  /** 0 … 1000, default 1. */
  readonly replicas?: number;
  readonly labels?: Labels;
  /** Default: the image's, or else `SIGTERM`. */
  readonly stopSignal?: string;
  /** Time between the stop signal and SIGKILL, default 10 s. */
  readonly stopGracePeriod?: Duration;
  /** A tiny init as PID 1, default true. */
  readonly init?: boolean;
  /** The root filesystem is read-only, default false. */
  readonly readOnly?: boolean;
  readonly limits?: LimitsInput;
  /** Default `private`. */
  readonly userns?: 'private' | 'host';
  /** With or without `CAP_`; `ALL` is all of them. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly sysctls?: { readonly [name: string]: string | number };
}

export interface EnvFileInput {
  readonly path: string;
  /** Default true: a missing file is an error. */
  readonly required?: boolean;
}

/** `source:target[:ro|rw]`. The `/` after the first colon keeps a target absolute. */
export type VolumeText<V extends string> = `${V | BindSource}:/${string}`;
type BindSource = '.' | '..' | '~' | `./${string}` | `../${string}` | `~/${string}` | `/${string}`;

export type MountInput<V extends string = string> =
  | {
      readonly type: 'volume';
      readonly source: V;
      readonly target: string;
      readonly readOnly?: boolean;
      /** Don't fill the volume, when it is made, with what the image has at `target`. Default false. */
      readonly nocopy?: boolean;
    }
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly?: boolean;
      /** Make the source, a directory, if it is not there. Default false: that is an error. */
      readonly createHostPath?: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      /** Default: half of the memory, as tmpfs(5). */
      readonly size?: Size;
      /** Permission bits, `0o1777` or `'1777'`. */
      readonly mode?: number | string;
      readonly readOnly?: boolean;
    };

export type Condition = 'started' | 'healthy' | 'completed';

export interface DependencyInput {
  /** Default `started`. */
  readonly condition?: Condition;
  /** Restart this service, too, when the dependency was restarted or made anew. Default false. */
  readonly restart?: boolean;
}

export interface UpdateInput {
  /** `start-first`: a new container is ready before an old one is stopped. Default `stop-first`. */
  readonly order?: 'stop-first' | 'start-first';
  /** How many containers at a time, default 1. */
  readonly parallelism?: number;
}

export interface LimitsInput {
  /** CPUs, e.g. `1.5`. */
  readonly cpus?: number;
  /** Relative weight, 2 … 262144; 1024 is normal. */
  readonly cpuShares?: number;
  /** `'0-1,3'` */
  readonly cpuset?: string;
  /** At least 6 MiB. */
  readonly memory?: Size;
  /** Soft limit, at most `memory`. */
  readonly memoryReservation?: Size;
  /** Swap beyond `memory`; 0 is none. */
  readonly swap?: Size;
  readonly pids?: number;
}

export interface VolumeInput {
  readonly labels?: Labels;
}

/** What the function form of `defineStack` is given. */
export interface StackContext {
  /** `up`, `plan`, … */
  readonly command: string;
  /** `--mode`. */
  readonly mode: string | undefined;
  /** `.env` beside the stack file, and over it the environment of `tsstack`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--instance`. */
  readonly instance: string | undefined;
  /** `--profile`, in order. */
  readonly profiles: readonly string[];
}
