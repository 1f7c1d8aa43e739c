/** What people write about networks, names and ports. */
import type { Labels } from './input-values.ts';

export interface NetworkInput {
  /** `bridge` (default): a bridge of this host. `macvlan`: containers are on the LAN of the host's link `parent`, with addresses of their own. */
  readonly driver?: 'bridge' | 'macvlan';
  /** Of `macvlan`: the host's link that it is on, such as `eth0`. */
  readonly parent?: string;
  /** Of `macvlan`, default `bridge`. */
  readonly mode?: 'bridge' | 'private' | 'vepa' | 'passthru';
  /** Joined rather than made: `'infra/front'` is network `front` of stack `infra`, which says `shared: true`; or a bridge that is on this host already. */
  readonly external?: `${string}/${string}` | ExternalNetworkInput;
  /** Other stacks may join it, default false. */
  readonly shared?: boolean;
  /** No way out, default false. */
  readonly internal?: boolean;
  /** Of `internal`: containers reach the host all the same, default false. */
  readonly hostAccess?: boolean;
  /** IPv4 CIDR. Default: a free /24 is chosen. */
  readonly subnet?: string;
  /** Default: the first address of the subnet. */
  readonly gateway?: string;
  /** IPv4 CIDR within `subnet` from which addresses are chosen. Default: all of it. */
  readonly ipRange?: string;
  /** `true`: with a /64 of this host's unique local prefix, and NAT. Default false: IPv4 alone. */
  readonly ipv6?: boolean | Ipv6Input;
  /** Bytes, 68 … 65535, with IPv6 at least 1280. Default 1500. */
  readonly mtu?: number;
  readonly labels?: Labels;
}

export interface Ipv6Input {
  /** IPv6 CIDR of 8 … 126 bits. Default: a /64 of this host's unique local prefix. */
  readonly subnet?: string;
  /** Default: the first address of the subnet. */
  readonly gateway?: string;
  /** Packets leave with the host's address. Default: true for unique local subnets (fc00::/7), else false: they leave with their own. */
  readonly nat?: boolean;
}

export type ExternalNetworkInput =
  | {
      readonly stack: string;
      readonly network: string;
      /** Of that stack's file. Default: whichever directory runs a stack of this name, if it is one. */
      readonly directory?: string;
      readonly instance?: string;
    }
  /** A bridge that is on this host already, by its ifname. The network needs `subnet`. */
  | { readonly bridge: string };

export interface AttachmentInput {
  /** More names under which the service is found on this network. */
  readonly aliases?: readonly string[];
  /** Static; the network must declare its subnet, and the service have one replica. */
  readonly ipv4Address?: string;
  /** Static; the network must declare `ipv6: { subnet }`, and the service have one replica. */
  readonly ipv6Address?: string;
  /** Unicast, `'02:42:ac:11:00:02'`; the service must have one replica. */
  readonly macAddress?: string;
  /** Of several networks that lead out, that with the highest one gives the default route. Default 0. */
  readonly priority?: number;
}

/** `host`: the host's network. `none`: loopback alone. `service:NAME`: that of another service, which has one replica. */
export type NetworkModeInput<S extends string = string> = 'host' | 'none' | `service:${S}`;

/** Addresses by name, or `'name:address'` texts. `host-gateway` is the host's own address on the container's first network. */
export type ExtraHostsInput = { readonly [name: string]: string | readonly string[] } | readonly string[];

export interface PortInput {
  /** Port in the container. */
  readonly target: number;
  /** Port on the host, or a range such as `'8000-8010'`: the first of it that is free. Default: any that is free. */
  readonly published?: number | string;
  /** IPv4 or IPv6. Default: 127.0.0.1 and ::1. */
  readonly hostAddress?: string;
  readonly protocol?: 'tcp' | 'udp';
  /** Listen on 0.0.0.0 and ::, so that everybody who reaches this host reaches the port. */
  readonly public?: boolean;
  /** False: if it is taken, the next port that is free. Default: the service's. */
  readonly strictPorts?: boolean;
}
