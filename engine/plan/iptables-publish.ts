/** Rules that lead from a port of the host to containers, and that open a port of a container which is routed to. */
import { isAnyAddress, isIpv6, isLoopback4 } from '../../dsl/addresses.ts';
import type { FirewallPort } from '../model/firewall-policy.ts';
import { type FamilyPolicy, single } from './iptables-family.ts';
import { chainName } from './names.ts';
import { portChains, type TextChain } from './port-chains.ts';

/** `PUB` for ports on the host's real addresses, `LOOP` for those on loopback; the latter only if there are any. */
export function publishChains({ stack, ports }: FamilyPolicy): TextChain[] {
  const chains = (name: string, some: readonly FirewallPort[]) =>
    portChains(
      name,
      some.map((port) => ({ protocol: port.protocol, port: port.hostPort, rules: leadRules(port) })),
    );
  const loopback = ports.filter(({ hostAddress }) => isLoopback4(hostAddress));
  return [
    ...chains(
      chainName(stack, 'PUB'),
      ports.filter(({ hostAddress }) => !isLoopback4(hostAddress)),
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

/** `OPEN` is entered with `-g`, so that RETURN leads back to FORWARD. */
export function openPorts({ stack, direct }: FamilyPolicy): TextChain[] {
  if (direct.length === 0) return [];
  return portChains(
    chainName(stack, 'OPEN'),
    direct.map(({ protocol, port, address }) => ({
      protocol,
      port,
      rules: [`-d ${single(address)} -p ${protocol} -m ${protocol} --dport ${port} -j RETURN`],
    })),
    { enter: '-g', end: ['-j DROP'] },
  );
}
