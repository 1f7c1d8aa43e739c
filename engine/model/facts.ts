import type { CgroupLayout } from './cgroup.ts';
import type { Fault } from './faults.ts';
import type { ContainerName } from './ids.ts';

/** What planning must know of the host, gathered once before it. Pure code gets it as an argument. */
export interface HostFacts {
  readonly cgroups: CgroupLayout;
  /** undefined: user namespaces and idmapped mounts work. Else why not. */
  readonly usernsUnavailable: string | undefined;
  /** CIDRs the host routes to already, of both families, our own stack's bridges left out. */
  readonly hostRoutes: readonly string[];
  /** ifnames of links with routes that routers advertise and the kernel takes only as long as this host doesn't forward IPv6. Sorted. */
  readonly advertisedLinks: readonly string[];
  /** Whether this host has IPv6 at all. */
  readonly ipv6: boolean;
  /** This host's unique local prefix, a /48 (RFC 4193): `fd12:3456:789a::/48`. Made once and kept. */
  readonly ulaPrefix: string;
  readonly firewall: FirewallFacts;
  /** Networks that others make and this stack joins, by the name they have in this stack; those that aren't there are left out. */
  readonly externals: Readonly<Record<string, ExternalNetwork>>;
  /** Why those can't be joined that were left out: `this host has no bridge \`br0\``, and what to do about it. */
  readonly refusedExternals: Readonly<Record<string, { readonly why: string; readonly hint: string }>>;
  /** Faults on purpose that are in force. */
  readonly faults: readonly Fault[];
  /** What other stacks on this host hold. */
  readonly others: Allocation;
  /** What this stack held last time: kept where still possible. */
  readonly own: Allocation;
  /** Sockets that listen on the host now: `tcp 127.0.0.1:8080`. */
  readonly listening: readonly ListeningSocket[];
  readonly envFiles: Readonly<Record<string, EnvFileContent>>;
  /** Bind sources: absolute path → what it is; a regular file with the hash of its content. */
  readonly bindSources: Readonly<Record<string, BindSource>>;
  /** The host's resolv.conf for containers that have no DNS server of ours. */
  readonly resolvConf: string;
  /** What the host's own resolv.conf says (resolv.conf(5)). */
  readonly resolver: { readonly nameservers: readonly string[]; readonly search: readonly string[]; readonly options: readonly string[] };
  /** The host's /etc/hosts and resolv.conf as they are, for containers with its network. */
  readonly hostHosts: string;
  readonly hostResolvConf: string;
  /** Whether a supervisor answers on the gateways. A step of a build has none. */
  readonly hasNameServer: boolean;
  /** Containers that there are and that don't ask it: an older version made them, with the host's resolv.conf. */
  readonly withoutNameServer: readonly ContainerName[];
  /** Image source (as `imageKey` prints it) → what it is on this host. */
  readonly images: Images;
  readonly volumesDirectory: string;
  /** Compiled seccomp filter; undefined: this kernel has none. */
  readonly seccompFile: string | undefined;
  readonly containersDirectory: string;
  /** One hosts file a container. Outside the container's own folder: it outlives a recreation. */
  readonly hostsDirectory: string;
  /** As `hostsDirectory`, of resolv.conf. */
  readonly resolvDirectory: string;
  readonly logsDirectory: string;
}

/** How the rules of this host are kept. */
export interface FirewallFacts {
  readonly driver: FirewallDriver;
  /** firewalld runs, refuses what containers send to the host and beyond, and nothing is installed to have it trust our bridges. */
  readonly refusedByFirewalld: boolean;
}
export type FirewallDriver = 'iptables' | 'nftables';

/** A network of another stack or of the host's, as it is now. */
export interface ExternalNetwork {
  /** ifname of its bridge. */
  readonly bridge: string;
  /** IPv4 CIDR, and the bridge's address in it; of a foreign bridge undefined if it has none. */
  readonly subnet: string;
  readonly gateway: string | undefined;
  readonly subnet6: string | undefined;
  readonly gateway6: string | undefined;
  readonly internal: boolean;
  readonly mtu: number;
  /** The same for all that join: `shop-3f9a1c2e/front`. Undefined: a bridge of the host's. */
  readonly key: string | undefined;
  /** Addresses that its owner and others have given out on it. */
  readonly taken: readonly string[];
}

export interface Allocation {
  /** Network → subnet. For other stacks the key is `stack/network`. */
  readonly subnets: Readonly<Record<string, string>>;
  /** As `subnets`, IPv6. */
  readonly subnets6: Readonly<Record<string, string>>;
  /** `container/network` → address. For other stacks the key is `stack/container/network`, and only of networks that may be shared. */
  readonly addresses: Readonly<Record<string, string>>;
  /** As `addresses`, IPv6, canonical text. */
  readonly addresses6: Readonly<Record<string, string>>;
  /**
   * Networks that others may be on as well → their keys: of those of other stacks `shop-3f9a1c2e/front`, of the host's own links
   * `bridge:br0` and `macvlan:eth0`. For other stacks the network is `stack/network`; their own are here under their own key.
   */
  readonly joined: Readonly<Record<string, string>>;
  /** Port as declared (`web 80/tcp 0`: service, container's port, which of those) → host port, where it was for us to choose. */
  readonly hostPorts: Readonly<Record<string, number>>;
  /** `container/network` → name of the container end: `eth0`. */
  readonly interfaces: Readonly<Record<string, string>>;
  /** Container → first host uid of its range. For other stacks the key is `stack/container`. */
  readonly uidBases: Readonly<Record<string, number>>;
  /** `tcp 127.0.0.1:8080` → who. */
  readonly ports: Readonly<Record<string, string>>;
}

export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** 0: the kernel holds it by itself. */
  readonly inode: number;
  /** `node (pid 4711)`, where it was looked for and found. */
  readonly holder?: string;
}

export type EnvFileContent = { readonly values: Readonly<Record<string, string>> } | { readonly error: string };

export type BindSource =
  | { readonly kind: 'file'; readonly hash: string }
  | { readonly kind: 'directory' }
  | { readonly kind: 'other' }
  | { readonly kind: 'missing' };

/** By what a stack file says, see plan/image-key.ts. */
export type Images = Readonly<Record<string, ResolvedImage>>;

/** An image made ready on this host: directories to mount, and what its config says. */
export interface ResolvedImage {
  /** Shown to people. */
  readonly name: string;
  /** Changes when the content changes. */
  readonly digest: string;
  /** Topmost first. */
  readonly lowerdirs: readonly string[];
  /** Host paths mounted read-only on top (hostRootfs: /usr and the like). */
  readonly binds: readonly { readonly source: string; readonly target: string }[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string | undefined;
  readonly passwd: string;
  readonly groupFile: string;
  /** What it says beyond its process. Undefined: nothing, as directories do. */
  readonly defaults?: ImageDefaults | undefined;
  /** It isn't here: all of this but the name is yet to be found out, by a pull. */
  readonly missing?: true;
}

/** What holds for a container unless the stack file says something else (image-spec, config.md). */
export interface ImageDefaults {
  /** As written there: `SIGQUIT`, `QUIT` or `3`. */
  readonly stopSignal: string | undefined;
  readonly healthcheck: ImageHealthcheck | undefined;
  /** Of a healthcheck in shell form. Undefined: `/bin/sh -c`. */
  readonly shell: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp`. Shown, not published. */
  readonly exposedPorts: readonly string[];
  /** Absolute paths where it keeps data. */
  readonly volumes: readonly string[];
}

/** Docker's extension of the image config. */
export interface ImageHealthcheck {
  /** `['NONE']`, `['CMD', …]` or `['CMD-SHELL', command]`; empty: inherited. */
  readonly test: readonly string[];
  /** Milliseconds; undefined: the default. */
  readonly intervalMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly startPeriodMs: number | undefined;
  readonly startIntervalMs: number | undefined;
  readonly retries: number | undefined;
}
