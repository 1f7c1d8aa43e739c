/** What the firewall of a stack is to do, before it is put in the words of iptables or nftables. Made by `plan/firewall-policy.ts`. */
import type { FirewallDriver } from './facts.ts';
import type { ContainerName, StackIdentity } from './ids.ts';

/** A policy with all that it takes to put it in words once more. */
export interface DesiredFirewall {
  readonly policy: FirewallPolicy;
  readonly stack: StackIdentity;
  readonly driver: FirewallDriver;
}

export interface FirewallPolicy {
  readonly networks: readonly FirewallNetwork[];
  /** Those that the firewall leads to a container: `PortLead.by` is `kernel`. Sorted. */
  readonly ports: readonly FirewallPort[];
}

/** A bridge of this stack, or one of another stack or of the host's that it has joined. */
export interface FirewallNetwork {
  /** ifname */
  readonly bridge: string;
  /** False: the bridge is not this stack's. What goes for all of it is its owner's business; only published ports are ours. */
  readonly owned: boolean;
  /** Its containers reach nobody outside, and nobody outside reaches them. */
  readonly internal: boolean;
  /** Of an internal one: its containers reach the host. Always true of others. */
  readonly hostAccess: boolean;
  readonly ipv4: FirewallSubnet;
  readonly ipv6: FirewallSubnet | undefined;
  /** A port published on 127.0.0.0/8 or 0.0.0.0 leads in here from the host's loopback: the bridge is `owned`, and has route_localnet. */
  readonly loopbackPublished: boolean;
}

export interface FirewallSubnet {
  /** CIDR */
  readonly subnet: string;
  /** The bridge's own address, where the DNS server listens: reached on port 53 even if `internal`. */
  readonly gateway: string;
  /** Packets that leave get the host's address. */
  readonly masquerade: boolean;
}

export interface FirewallPort {
  readonly protocol: 'tcp' | 'udp';
  /** IPv4 or IPv6; `0.0.0.0` and `::` are all of their family. Never ::1. */
  readonly hostAddress: string;
  readonly hostPort: number;
  /** One a replica, of the same family as `hostAddress`: new connections go to them in turn. */
  readonly targets: readonly FirewallTarget[];
}

export interface FirewallTarget {
  readonly address: string;
  readonly port: number;
  readonly bridge: string;
  /** Absent: one that is never stopped by itself. */
  readonly container?: ContainerName;
}
