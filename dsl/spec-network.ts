/** What the networks of a StackSpec are, and how services are on them. In long form, with every default filled in. */

export interface NetworkSpec {
  readonly driver: 'bridge' | 'macvlan';
  /** Of `macvlan` alone. */
  readonly macvlan: MacvlanSettings | undefined;
  /** Somebody else makes it; this stack only joins. */
  readonly external: ExternalNetworkSpec | undefined;
  /** Other stacks may join it. */
  readonly shared: boolean;
  /** No way out. */
  readonly internal: boolean;
  /** Of an internal one: its containers reach the host all the same. */
  readonly hostAccess: boolean;
  /** IPv4 CIDR; undefined: IPAM chooses. */
  readonly subnet: string | undefined;
  /** IPv4 address; undefined: the first of the subnet. */
  readonly gateway: string | undefined;
  /** IPv4 CIDR within `subnet` from which addresses are chosen. Undefined: all of it. */
  readonly ipRange: string | undefined;
  /** Undefined: IPv4 alone. */
  readonly ipv6: Ipv6Spec | undefined;
  /** Bytes, 68 … 65535 (with IPv6 at least 1280, RFC 8200). Undefined: 1500, or that of the network that is joined. */
  readonly mtu: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Ipv6Spec {
  /** IPv6 CIDR, canonical text (RFC 5952), at most 126 bits; undefined: a /64 of this host's unique local prefix (RFC 4193). */
  readonly subnet: string | undefined;
  /** Canonical text. Undefined: the first of the subnet. */
  readonly gateway: string | undefined;
  /** How packets leave: `nat` with the host's address (NAT66), `routed` with their own. */
  readonly way: 'nat' | 'routed';
}

export interface MacvlanSettings {
  /** ifname of the host's link that it is on. */
  readonly parent: string;
  /** As the kernel's modes (if_link.h, MACVLAN_MODE_*). */
  readonly mode: 'bridge' | 'private' | 'vepa' | 'passthru';
}

export type ExternalNetworkSpec =
  /** A network of another stack that says `shared: true`. `directory`: absolute; undefined: whichever directory has that stack, if it is one. */
  | {
      readonly kind: 'stack';
      readonly stack: string;
      readonly network: string;
      readonly directory: string | undefined;
      readonly instance: string | undefined;
    }
  /** A bridge that is on this host already. Its addresses are the stack file's business: `subnet` is declared. */
  | { readonly kind: 'bridge'; readonly ifname: string };

export interface NetworkAttachmentSpec {
  readonly network: string;
  readonly aliases: readonly string[];
  /** Static address; only with `replicas: 1`. */
  readonly ipv4Address: string | undefined;
  /** Static, canonical text; only with `replicas: 1`. */
  readonly ipv6Address: string | undefined;
  /** `02:74:0a:80:00:02`, lower case; only with `replicas: 1`. Undefined: made from the IPv4 address. */
  readonly macAddress: string | undefined;
}

/** Whose network namespace a container has. */
export type NetworkModeSpec =
  /** Its own, with the networks that are listed; with none of them only loopback. */
  | { readonly kind: 'own' }
  /** The host's. */
  | { readonly kind: 'host' }
  /** That of the first container of a service with one replica, whose networks it shares. */
  | { readonly kind: 'service'; readonly service: string };

/** How names are looked up in a container (resolv.conf(5)). */
export interface DnsSpec {
  /** Asked for all that no network of the container knows: IPv4 or IPv6 addresses. Empty: the host's. */
  readonly servers: readonly string[];
  /** Undefined: the host's. Empty: none. */
  readonly search: readonly string[] | undefined;
  /** Undefined: the host's. */
  readonly options: readonly string[] | undefined;
}

export interface PortSpec {
  /**
   * Where it listens on the host, canonical text: IPv4 and IPv6 addresses, one port on all of them. `0.0.0.0` and `::` are all of their family.
   * Those of a family that the host hasn't are left out. Default: 127.0.0.1 and ::1.
   */
  readonly hostAddresses: readonly string[];
  /** 1 … 65535: the first of them that is free. Undefined: any that is free; it is kept while the stack is up. */
  readonly hostPorts: { readonly first: number; readonly last: number } | undefined;
  /** False: if none of `hostPorts` is free, the next one that is, upwards. */
  readonly strict: boolean;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** One port on one address of the host. */
export interface PublishedPort {
  /** IPv4 or IPv6, canonical text. `0.0.0.0` and `::` are all of their family. */
  readonly hostAddress: string;
  /** 1 … 65535 */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}
