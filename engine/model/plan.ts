import type { ContainerStatus } from './container.ts';
import type { FaultSpec, FaultState } from './faults.ts';
import type { TableState } from './firewall.ts';
import type { ContainerName, ResourceId } from './ids.ts';
import type { NftablesChange, NftablesSpec } from './nftables.ts';
import type {
  AddressSpec,
  CgroupSpec,
  ContainerSpec,
  FileSpec,
  LinkSpec,
  LinkState,
  ProcessSpec,
  RouteSpec,
  SysctlSpec,
  TableSpec,
  VolumeDesired,
  VolumeState,
} from './resources.ts';

/** One row per kind of change, with all that it takes to do it. Each leaves its object whole or absent. */
export interface OpArgs {
  'sysctl.write': { readonly sysctl: SysctlSpec };
  /** Bridge: created, marked, grouped, up. Veth: both ends, container end in its namespace and up. Macvlan: in the container alone. */
  'link.create': { readonly link: LinkSpec };
  /** In place: mtu, master, up, group, hairpin mode. */
  'link.update': { readonly link: LinkSpec; readonly observed: LinkState };
  /** `inside`: the container whose network namespace it is in; absent: the host's. */
  'link.delete': { readonly ifindex: number; readonly ifname: string; readonly inside?: ContainerName };
  /** All links of a stack at once (IFLA_GROUP). Only when each link in the group bears our mark. */
  'link.delete-group': { readonly group: number };
  'address.add': { readonly address: AddressSpec };
  'address.delete': { readonly address: AddressSpec };
  'route.add': { readonly route: RouteSpec };
  'route.delete': { readonly route: RouteSpec };
  /** Made, or changed with no packet passing meanwhile. */
  'fault.set': { readonly fault: FaultSpec; readonly observed: FaultState | undefined };
  'fault.delete': { readonly ifname: string };
  'firewall.replace': { readonly table: TableSpec; readonly observed: TableState | undefined };
  'firewall.delete': { readonly observed: TableState };
  /** The whole table, whatever was there. */
  'nftables.replace': { readonly table: NftablesSpec };
  /** What differs; `table` is what it comes to. */
  'nftables.update': { readonly table: NftablesSpec; readonly change: NftablesChange };
  'nftables.delete': { readonly name: string };
  /** firewalld's zone `trusted`, until it is reloaded. */
  'zone.trust': { readonly ifname: string };
  'zone.forget': { readonly ifname: string };
  'volume.create': { readonly volume: VolumeDesired };
  'volume.delete': { readonly volume: VolumeState };
  'cgroup.create': { readonly cgroup: CgroupSpec };
  'cgroup.update': { readonly cgroup: CgroupSpec };
  'cgroup.delete': { readonly path: string };
  'file.write': { readonly file: FileSpec };
  'file.delete': { readonly path: string };
  /** Namespaces, root filesystem and a held init. `keepUpper`: the same container again, with what it had written. */
  'container.create': { readonly container: ContainerSpec; readonly keepUpper: boolean };
  /** What is remembered about it, not what its process was born with: labels, restart, health, ports. */
  'container.update': { readonly container: ContainerSpec };
  /** Its directory with all it wrote. Its init is dead by then. */
  'container.delete': { readonly name: ContainerName };
  'container.start': { readonly process: ProcessSpec };
  /** Stop signal, grace period, SIGKILL; done when the monitor has written down the exit. */
  'container.stop': {
    readonly name: ContainerName;
    readonly status: ContainerStatus;
    readonly stopSignal: string;
    readonly stopGracePeriodMs: number;
  };
  /** Nothing is changed: waits until a container is healthy, has survived its first moments (`running`), or a job has completed. */
  'container.await': { readonly name: ContainerName; readonly until: 'healthy' | 'running' | 'completed' };
}
export type OpKind = keyof OpArgs;

/** Indexed over every kind, so that it narrows. */
export type Op = { [K in OpKind]: { readonly kind: K } & OpArgs[K] }[OpKind];
export type OpOf<K extends OpKind> = Extract<Op, { kind: K }>;

export interface Step {
  /** 1, 2, 3 … in topological order. */
  readonly id: number;
  readonly resource: ResourceId;
  readonly op: Op;
  /** `not found`, `memory 256MiB → 512MiB`, `replaced by #4`. */
  readonly cause: string;
  readonly dependsOn: readonly number[];
}

/** Worth telling, no reason to stop. */
export interface Notice {
  readonly resource: ResourceId | undefined;
  readonly message: string;
}

/** A question whose answer belongs in Policy. */
export interface Confirmation {
  readonly resource: ResourceId;
  readonly question: string;
}

/** Stands in the way of the whole plan. */
export interface Obstacle {
  readonly resource: ResourceId;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface Plan {
  readonly stack: string;
  readonly steps: readonly Step[];
  readonly notices: readonly Notice[];
  readonly confirmations: readonly Confirmation[];
  readonly obstacles: readonly Obstacle[];
  /**
   * Containers that are not started yet, with what they wait for: `db-1 to be healthy`. Only with `Policy.conditions`. Some of them this plan
   * stops, because what they depend on is restarted: until one is started, it belongs in `Policy.restart`.
   */
  readonly waiting: Readonly<Record<ContainerName, string>>;
  /** Containers that don't run when this plan is done, and that published ports would lead to if they did. Sorted. */
  readonly unreached: readonly ContainerName[];
}

export interface Policy {
  /** Recreate every container even if nothing changed. */
  readonly forceRecreate: boolean;
  /** Delete volumes that are not desired. */
  readonly deleteVolumes: boolean;
  /** Undefined: all. Else only these services, and what they depend on. */
  readonly services: readonly string[] | undefined;
  /** Undefined: all. Else only these containers. */
  readonly containers: readonly ContainerName[] | undefined;
  /**
   * The supervisor's own work: what is missing or was changed by others comes back, and nothing else happens. Nothing is recreated because
   * its configuration differs from what is declared (a roll-out that was stopped stays stopped; what died comes back as it was), a process
   * that ended by itself stays ended unless it is in `restart`, and nothing is removed because it is not declared.
   */
  readonly repair: boolean;
  /**
   * Containers to be started again, or stopped and started if they run: by restart policy, health or request. What they have written
   * stays. Who depends on them with `restart: true` and runs is restarted, too.
   */
  readonly restart: readonly ContainerName[];
  /** Containers that were stopped on request: they are not started, and stopped if they run. Wins over everything else. */
  readonly stopped: readonly ContainerName[];
  /** Containers that will run in a moment without this plan, by one that is under way or a short backoff: ports go on leading to them. */
  readonly returning: readonly ContainerName[];
  /** Of `repair`: what may be counted on without waiting. Else such needs become steps that wait. Undefined: every need is waited for. */
  readonly conditions: Conditions | undefined;
}

/** Containers by what they have reached. A step that needs one that isn't here is left out of the plan, and told in `Plan.waiting`. */
export interface Conditions {
  readonly started: ReadonlySet<ContainerName>;
  readonly healthy: ReadonlySet<ContainerName>;
  readonly completed: ReadonlySet<ContainerName>;
}

export type Executors = { readonly [K in OpKind]: (op: OpOf<K>, signal: AbortSignal) => Promise<void> };
