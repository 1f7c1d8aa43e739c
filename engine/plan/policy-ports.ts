/** What a firewall policy says of published ports, beyond where they lead. Decided here once, for either driver to put in its words. */
import type { FirewallNetwork, FirewallPolicy, FirewallPort } from '../model/firewall-policy.ts';

/**
 * Ports on all addresses that a proxy has where they are asked for on loopback: their bridge takes nothing from there
 * (`FirewallNetwork.loopbackPublished`). Of IPv4 alone: the kernel leads nobody from ::1 elsewhere.
 */
export function leftToProxy(
  networks: readonly Pick<FirewallNetwork, 'bridge' | 'loopbackPublished'>[],
  ports: readonly FirewallPort[],
): readonly FirewallPort[] {
  const taking = new Set(networks.flatMap(({ bridge, loopbackPublished }) => (loopbackPublished ? [bridge] : [])));
  return ports.filter(({ hostAddress, targets }) => hostAddress === '0.0.0.0' && !targets.every(({ bridge }) => taking.has(bridge)));
}

/** Whether any leads to this bridge. Then containers reach their own network by the host's address, too: the answer must come back through the host. */
export function leadsInto(ports: readonly FirewallPort[], bridge: string): boolean {
  return ports.some(({ targets }) => targets.some((target) => target.bridge === bridge));
}

/** A port of a container, open on the container's own address. */
export interface DirectPort {
  readonly protocol: 'tcp' | 'udp';
  /** IPv6 */
  readonly address: string;
  readonly port: number;
  readonly bridge: string;
}

/**
 * Where packets are routed to containers as they are, a port that is published on all addresses of the host is open on the container's
 * own address, too, at the container's port.
 */
export function directPorts({ networks, ports }: FirewallPolicy): readonly DirectPort[] {
  const routed = networks.filter(({ owned, internal, ipv6 }) => owned && !internal && ipv6?.masquerade === false);
  const found = routed.flatMap(({ bridge }) =>
    ports
      .filter(({ hostAddress }) => hostAddress === '::')
      .flatMap(({ protocol, targets }) =>
        targets.filter((target) => target.bridge === bridge).map(({ address, port }): DirectPort => ({ protocol, address, port, bridge })),
      ),
  );
  // One port of a container may be published twice.
  return [...new Map(found.map((one) => [`${one.protocol} ${one.address} ${one.port}`, one])).values()];
}
