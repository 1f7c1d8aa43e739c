/**
 * The kinds of thing a plan can create, change and delete: what each must be (desired) and what was found (observed).
 * One row a kind. The unions at the end are derived, so that adding a row makes the compiler ask for the rest.
 */

import type { CgroupLimits, CgroupWrite } from './cgroup.ts';
import type { ContainerRecord, ContainerStatus } from './container.ts';
import type { FaultSpec, FaultState } from './faults.ts';
import type { IptablesTable, TableContent, TableState } from './firewall.ts';
import type { DesiredFirewall } from './firewall-policy.ts';
import type { ContainerName, ResourceId } from './ids.ts';
import { type NameTable, NO_NAMES } from './names.ts';
import type { NftablesSpec, NftablesState } from './nftables.ts';
import type { PortLead } from './ports.ts';

export interface ResourceKinds {
  sysctl: { desired: SysctlSpec; observed: SysctlState };
  link: { desired: LinkSpec; observed: LinkState };
  address: { desired: AddressSpec; observed: AddressState };
  route: { desired: RouteSpec; observed: RouteState };
  /** All that befalls what arrives through one link. */
  fault: { desired: FaultSpec; observed: FaultState };
  firewall: { desired: TableSpec; observed: TableState };
  nftables: { desired: NftablesSpec; observed: NftablesState };
  /** firewalld trusts a bridge. */
  zone: { desired: ZoneSpec; observed: ZoneState };
  volume: { desired: VolumeDesired; observed: VolumeState };
  cgroup: { desired: CgroupSpec; observed: CgroupState };
  file: { desired: FileSpec; observed: FileState };
  container: { desired: ContainerSpec; observed: ContainerState };
  process: { desired: ProcessSpec; observed: ProcessState };
}
export type ResourceKind = keyof ResourceKinds;

/** The network namespace a link, address or route is in: the host's, or that of a container. */
export type NetnsRef = { readonly in: 'host' } | { readonly in: 'container'; readonly container: ContainerName };

export interface SysctlSpec {
  /** Path under /proc/sys, e.g. `net/ipv4/ip_forward`. */
  readonly path: string;
  readonly value: string;
}
export interface SysctlState {
  readonly path: string;
  readonly value: string;
}

export type LinkSpec = BridgeSpec | VethSpec | MacvlanSpec;
interface MarkedLink {
  /** At most 15 bytes. */
  readonly ifname: string;
  /** The mark: `tsstack:shop/default#3f9a1c2e`. */
  readonly ifalias: string;
  /** IFLA_GROUP, one number for all links of a stack, so that one message removes them all. */
  readonly group: number;
  readonly mtu: number | undefined;
}
export interface BridgeSpec extends MarkedLink {
  readonly type: 'bridge';
}
export interface VethSpec extends MarkedLink {
  readonly type: 'veth';
  /** ifname of the bridge the host end is put under. */
  readonly master: string;
  readonly container: ContainerName;
  /** Name of the container end, e.g. `eth0`. */
  readonly peerIfname: string;
  /** MAC address of the container end, `02:…`. */
  readonly peerAddress: string;
  /**
   * The bridge sends what came from it back to it, which it takes for a container to reach its own published port by the host's address
   * where rules see bridged packets (bridge-nf-call-iptables).
   */
  readonly hairpin: boolean;
}
/** A link in the container alone, on one of the host's. `ifname` is its name in there. */
export interface MacvlanSpec extends MarkedLink {
  readonly type: 'macvlan';
  /** ifname of the host's link that it is on. */
  readonly parent: string;
  readonly mode: 'bridge' | 'private' | 'vepa' | 'passthru';
  readonly container: ContainerName;
  /** MAC address. */
  readonly address: string;
}
export interface LinkState {
  readonly ifindex: number;
  readonly ifname: string;
  /** As in IFLA_INFO_KIND; empty if the kernel names none. */
  readonly type: string;
  readonly ifalias: string | undefined;
  readonly group: number;
  readonly mtu: number;
  /** ifindex of the bridge; 0: none. */
  readonly master: number;
  /** Its ifname. Undefined: none. */
  readonly masterName: string | undefined;
  readonly up: boolean;
  /** MAC address. */
  readonly address: string | undefined;
  /** As in VethSpec; absent: no. */
  readonly hairpin?: boolean;
  /** ifindex of what a link such as a macvlan is on, in the namespace of that; absent or 0: nothing. */
  readonly link?: number;
  /** As in MacvlanSpec; absent or undefined of other links, and a parent also where it is gone. */
  readonly parent?: string | undefined;
  readonly mode?: MacvlanSpec['mode'] | undefined;
  /** The container whose network namespace it is in. Absent: the host's. */
  readonly inside?: ContainerName;
}

export interface AddressSpec {
  readonly netns: NetnsRef;
  readonly ifname: string;
  /** IPv4 or IPv6 (canonical text) with prefix length: `10.128.3.1/24`. */
  readonly cidr: string;
}
export interface AddressState {
  readonly netns: NetnsRef;
  readonly ifname: string;
  readonly cidr: string;
}

/** A route to `destination` through `gateway`. */
export interface RouteSpec {
  readonly netns: NetnsRef;
  /** `default` or a CIDR, of the family of `gateway`. */
  readonly destination: string;
  readonly gateway: string;
  readonly ifname: string;
}
export interface RouteState {
  readonly netns: NetnsRef;
  readonly destination: string;
  readonly gateway: string | undefined;
  readonly ifname: string;
}

export interface TableSpec extends TableContent {
  readonly table: IptablesTable;
  /** Desired only while others have rules or policies in iptables' filter tables (`Observed.othersFilter`). */
  readonly besideOthers?: boolean;
}

/** Desired only while firewalld runs and leaves it to us (`Observed.firewalldRefuses`). */
export interface ZoneSpec {
  readonly ifname: string;
}
export interface ZoneState {
  readonly ifname: string;
  /** firewalld's name for it: `trusted`. */
  readonly zone: string;
}

export interface VolumeDesired {
  readonly name: string;
  /** The directory that is mounted. */
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What it is filled with when it is made: the first that is there. Undefined, as none: with nothing. */
  readonly contents?: readonly VolumeContent[];
}
/** A directory of an image. */
export interface VolumeContent {
  /** Topmost first. */
  readonly lowerdirs: readonly string[];
  /** Absolute, in the image. */
  readonly path: string;
}
export interface VolumeState {
  readonly name: string;
  readonly path: string;
}

/** A container's cgroup: the same relative path in each hierarchy. */
export interface CgroupSpec {
  /** Relative to the hierarchy's root: `tsstack/shop-3f9a1c2e/web-1`. */
  readonly path: string;
  readonly limits: CgroupLimits;
  /** The same as writes, for this host's cgroup mode. */
  readonly writes: readonly CgroupWrite[];
}
export interface CgroupState {
  readonly path: string;
  /** What the files that `writes` names hold now: key is `controller/file`, value trimmed. */
  readonly values: Readonly<Record<string, string>>;
}

/** A small file of ours that containers see, rewritten in place (same inode): `/etc/hosts`, `/etc/resolv.conf`. */
export interface FileSpec {
  readonly path: string;
  readonly content: string;
}
export interface FileState {
  readonly path: string;
  readonly content: string;
}

/** Namespaces, root filesystem and a held init: all that a container is but its running process. */
export interface ContainerSpec {
  readonly name: ContainerName;
  readonly record: ContainerRecord;
}
export interface ContainerState {
  readonly name: ContainerName;
  /** Undefined: what is there cannot be read, so it was never finished. */
  readonly record: ContainerRecord | undefined;
  readonly status: ContainerStatus;
  /** Of a running one: targets, its root `/` among them, at which what it was given is mounted no more, or is deleted. Absent: not looked at. */
  readonly lostMounts?: readonly string[];
  /** Of a running one: the container that it has joined has another network namespace by now. Absent: it hasn't, or isn't looked at. */
  readonly leftBehind?: ContainerName;
}

/** The container's own process: starts when everything around it is there. */
export interface ProcessSpec {
  readonly name: ContainerName;
  readonly stopSignal: string;
  readonly stopGracePeriodMs: number;
}
export interface ProcessState {
  readonly name: ContainerName;
  readonly status: ContainerStatus;
  readonly stopSignal: string;
  readonly stopGracePeriodMs: number;
}

/** One desired thing. `needs`: other resources that must be done first. `within`: it ends when that container ends. */
export type DesiredResource = {
  [K in ResourceKind]: {
    readonly kind: K;
    readonly id: ResourceId;
    readonly spec: ResourceKinds[K]['desired'];
    readonly needs: readonly Need[];
    readonly within: ResourceId | undefined;
  };
}[ResourceKind];

/** `done`: the other's last step. The rest are conditions of a service's containers, waited for while the plan runs. */
export interface Need {
  readonly resource: ResourceId;
  readonly until: 'done' | 'healthy' | 'completed';
  /** Of a process on a process: it is restarted when the other one is. */
  readonly restart?: boolean;
}

export type ObservedResource = {
  [K in ResourceKind]: { readonly kind: K; readonly id: ResourceId; readonly state: ResourceKinds[K]['observed'] };
}[ResourceKind];

/** What must be. Resources in any order; their `needs` order the steps. */
export interface Desired {
  readonly stackName: string;
  readonly resources: readonly DesiredResource[];
  /** For the DNS server. */
  readonly names: NameTable;
  /** Ports that the supervisor holds, and passes on where the kernel can't. */
  readonly ports: readonly PortLead[];
  /** What the resources of the firewall were made from. Absent: there are none. */
  readonly firewall?: DesiredFirewall;
}

export function nothingDesired(stackName: string): Desired {
  return { stackName, resources: [], names: NO_NAMES, ports: [] };
}

/** What is, as far as it concerns one stack: everything that bears its mark, and unowned things that stand in its way. */
export interface Observed {
  readonly resources: readonly ObservedResource[];
  /** Links without our mark, by name: one in our way is an obstacle that names it, and is never touched. */
  readonly unownedLinks: Readonly<Record<string, UnownedLink>>;
  /** Others have rules or policies in iptables' filter tables. Absent: they haven't. */
  readonly othersFilter?: boolean;
  /** firewalld runs, and its user hasn't given our bridges a zone. Absent: no. */
  readonly firewalldRefuses?: boolean;
}

export interface UnownedLink {
  readonly type: string;
  readonly group: number;
}
