/** What `tsstack networks` and `network inspect` show. */
import type { ContainerStateName } from './container.ts';

export interface NetworkListing {
  /** In its stack: `front`. */
  readonly name: string;
  readonly stack: string;
  readonly instance: string | undefined;
  /** Real path of the directory that holds the stack file. */
  readonly directory: string;
  readonly driver: 'bridge' | 'macvlan';
  /** Whose it is if not this stack's: `infra/front`, or `bridge br0`. */
  readonly external: string | undefined;
  readonly shared: boolean;
  readonly internal: boolean;
  readonly hostAccess: boolean;
  /** IPv4 first. */
  readonly subnets: readonly NetworkSubnet[];
  /** Bytes. Undefined: the default, or its owner's. */
  readonly mtu: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** ifname of its bridge, or of the host's link that a macvlan is on. Undefined: not known. */
  readonly link: string | undefined;
  /** The link is on this host now. */
  readonly present: boolean;
  /** Containers that exist, whatever their state, those of stacks that have joined it included. By stack, then name. */
  readonly members: readonly NetworkMember[];
}

export interface NetworkSubnet {
  /** CIDR */
  readonly subnet: string;
  readonly gateway: string | undefined;
  /** CIDR from which addresses are chosen. Undefined: all of it. */
  readonly ipRange: string | undefined;
}

export interface NetworkMember {
  /** `shop-web-1` */
  readonly container: string;
  readonly stack: string;
  readonly service: string;
  readonly state: ContainerStateName;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  /** Of the container end. Undefined: not known. */
  readonly macAddress: string | undefined;
  /** Name of the container end: `eth0`. */
  readonly interface: string | undefined;
  /** Under which it is found on this network. */
  readonly names: readonly string[];
  /** `127.0.0.1:8080->80/tcp` */
  readonly ports: readonly string[];
}
