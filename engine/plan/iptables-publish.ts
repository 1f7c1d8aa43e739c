/** Rules that lead from a port of the host to containers, and that open a port of a container which is routed to. */
import { isAnyAddress, isIpv6 } from '../../dsl/addresses.ts';
import type { FirewallPort } from '../model/firewall-policy.ts';
import { type FamilyPolicy, single } from './iptables-family.ts';
import { isLoopback } from './lower-networks.ts';
import { chainName } from './names.ts';
import { portChains, type TextChain } from './port-chains.ts';

/** `PUB` for ports on the host's real addresses, `LOOP` for those on loopback; the latter only if there are any. */
export function publishChains({ stack, ports }: FamilyPolicy): TextChain[] {
  const chains = (name: string, some: readonly FirewallPort[]) =>
    portChains(
      name,
      some.map((port) => ({ protocol: port.protocol, port: port.hostPort, rules: leadRules(port) })),
    );
  const loopback = ports.filter(({ hostAddress }) => isLoopback(hostAddress));
  return [
    ...chains(
      chainName(stack, 'PUB'),
      ports.filter(({ hostAddress }) => !isLoopback(hostAddress)),
    ),
    ...(loopback.length > 0 ? chains(chainName(stack, 'LOOP'), loopback) : []),
  ];
}

/** One rule a replica: of n, the first takes every n-th new connection, the next every (n-1)-th of the rest, and so on. */
function leadRules(port: FirewallPort): string[] {
  return port.targets.map((target, i) => {
    const rest = port.targets.length - i;
    const address = isAnyAddress(port.hostAddress) ? '' : `-d ${single(port.hostAddress)} `;
    const share = rest > 1 ? `-m statistic --mode nth --every ${rest} --packet 0 ` : '';
    const to = isIpv6(target.address) ? `[${target.address}]` : target.address;
    return `${address}-p ${port.protocol} -m ${port.protocol} --dport ${port.hostPort} ${share}-j DNAT --to-destination ${to}:${target.port}`;
  });
}

/**
 * A container asks its bridge for names, which whoever publishes port 53 on all addresses doesn't mean to answer. `--limit-iface-in`:
 * an address of the very interface that the packet came by (iptables-extensions(8), addrtype), whichever stack's it is.
 */
export function exemptions(ports: readonly FirewallPort[]): string[] {
  const protocols = new Set(
    ports.flatMap(({ hostAddress, hostPort, protocol }) => (hostPort === 53 && isAnyAddress(hostAddress) ? protocol : [])),
  );
  return [...protocols]
    .sort()
    .map((protocol) => `-i ts-+ -p ${protocol} -m ${protocol} --dport 53 -m addrtype --dst-type LOCAL --limit-iface-in -j RETURN`);
}

/**
 * Where packets are routed to containers as they are, a port that is published on all addresses of the host is open on the container's
 * own address, too, at the container's port. `OPEN` is entered with `-g`, so that RETURN leads back to FORWARD.
 */
export function openPorts(policy: FamilyPolicy): TextChain[] {
  const open = policy.networks.flatMap(({ bridge }) => directPorts(policy, bridge));
  if (open.length === 0) return [];
  return portChains(
    chainName(policy.stack, 'OPEN'),
    open.map(({ protocol, port, address }) => ({
      protocol,
      port,
      rules: [`-d ${single(address)} -p ${protocol} -m ${protocol} --dport ${port} -j RETURN`],
    })),
    { enter: '-g', end: ['-j DROP'] },
  );
}

export function opensDirectly(policy: FamilyPolicy, bridge: string): boolean {
  return directPorts(policy, bridge).length > 0;
}

interface DirectPort {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
}

function directPorts({ networks, ports, family }: FamilyPolicy, bridge: string): DirectPort[] {
  const network = networks.find((one) => one.bridge === bridge);
  const routed = family === 'ipv6' && network?.owned === true && !network.internal && !network.subnet.masquerade;
  if (!routed) return [];
  const found = ports
    .filter(({ hostAddress }) => isAnyAddress(hostAddress))
    .flatMap(({ protocol, targets }) =>
      targets.filter((target) => target.bridge === bridge).map(({ address, port }) => ({ protocol, address, port })),
    );
  // One port of a container may be published twice.
  return [...new Map(found.map((one) => [`${one.protocol} ${one.address} ${one.port}`, one])).values()];
}
