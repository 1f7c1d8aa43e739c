/**
 * The firewall of a stack: six chains of our own, each reached by one jump. A packet meets them in this order:
 *
 *   nat  PREROUTING  first ─▶ DNAT   ports published on the host's real addresses
 *   nat  OUTPUT      first ─▶ OUT    the same for the host's own processes, and ports on loopback
 *   filter INPUT     first ─▶ IN     containers don't reach the host's loopback; internal networks don't reach the host
 *   filter FORWARD   first ─▶ ISO    drops what crosses networks. Before any stack's accepts, or they would let it through
 *   filter FORWARD   last  ─▶ FWD    accepts the rest, for hosts whose FORWARD policy is DROP
 *   nat  POSTROUTING first ─▶ SNAT   masquerade towards the world, for loopback clients, and for hairpins
 *
 * INVARIANT: a port published on a loopback address is never in DNAT. PREROUTING comes before the kernel drops martians, so a
 * neighbour could send to 127.0.0.1 by our MAC and reach it (the class of CVE-2020-8558).
 */
import type { Chain, IptablesTable, Jump, TableContent } from '../model/firewall.ts';
import type { FirewallNetwork, FirewallPort } from '../model/firewall-policy.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { DesiredResource } from '../model/resources.ts';
import { firewallPolicy } from './firewall-policy.ts';
import type { LowerContext } from './lower.ts';
import { isLoopback } from './lower-networks.ts';
import { chainName, sha256Hex } from './names.ts';

export function lowerFirewall(context: LowerContext): DesiredResource[] {
  if (Object.keys(context.spec.networks).length === 0) return [];
  const { stack } = context;
  const { networks, ports } = firewallPolicy(context);
  return [
    tableResource(context, 'filter', {
      chains: [isolation(stack, networks), acceptance(stack, networks), input(stack, networks)],
      jumps: [
        { builtin: 'FORWARD', position: 'first', match: '', chain: chainName(stack, 'ISO') },
        { builtin: 'FORWARD', position: 'last', match: '', chain: chainName(stack, 'FWD') },
        { builtin: 'INPUT', position: 'first', match: '', chain: chainName(stack, 'IN') },
      ],
    }),
    tableResource(context, 'nat', {
      chains: [
        { name: chainName(stack, 'DNAT'), rules: publishRules(ports.filter(({ hostAddress }) => !isLoopback(hostAddress))) },
        { name: chainName(stack, 'OUT'), rules: publishRules(ports) },
        masquerade(stack, networks),
      ],
      jumps: [
        { builtin: 'PREROUTING', position: 'first', match: '-m addrtype --dst-type LOCAL', chain: chainName(stack, 'DNAT') },
        { builtin: 'OUTPUT', position: 'first', match: '-m addrtype --dst-type LOCAL', chain: chainName(stack, 'OUT') },
        { builtin: 'POSTROUTING', position: 'first', match: '', chain: chainName(stack, 'SNAT') },
      ],
    }),
  ];
}

function tableResource({ stack }: LowerContext, table: IptablesTable, content: { chains: Chain[]; jumps: Jump[] }): DesiredResource {
  const hash = sha256Hex(JSON.stringify(content)).slice(0, 12);
  const spec: TableContent & { table: IptablesTable } = { table, ...content, hash };
  return { kind: 'firewall', id: `firewall:${stack.name}/${table}`, spec, needs: [], within: undefined };
}

/** `--ctstate DNAT` is true of a connection whose destination a published port has rewritten. */
function isolation(stack: StackIdentity, networks: readonly FirewallNetwork[]): Chain {
  const rules = networks.flatMap(({ bridge, internal }) =>
    internal
      ? [`-i ${bridge} ! -o ${bridge} -j DROP`, `! -i ${bridge} -o ${bridge} -j DROP`]
      : [
          `-i ${bridge} -o ${bridge} -j RETURN`,
          `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN`,
          `-o ${bridge} -j DROP`,
        ],
  );
  return { name: chainName(stack, 'ISO'), rules };
}

function acceptance(stack: StackIdentity, networks: readonly FirewallNetwork[]): Chain {
  const rules = networks.flatMap(({ bridge }) => [`-i ${bridge} -j ACCEPT`, `-o ${bridge} -j ACCEPT`]);
  return { name: chainName(stack, 'FWD'), rules };
}

function input(stack: StackIdentity, networks: readonly FirewallNetwork[]): Chain {
  const rules = networks.flatMap(({ bridge, internal, ipv4: { gateway }, loopbackPublished: opened }) => {
    const unrelated = '-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP';
    // The DNS server is the one thing of the host that an internal network reaches.
    const dns = ['udp', 'tcp'].map((protocol) => `-i ${bridge} -d ${gateway}/32 -p ${protocol} -m ${protocol} --dport 53 -j ACCEPT`);
    if (internal) return [...dns, `-i ${bridge} ${unrelated}`];
    return opened ? [`-i ${bridge} -d 127.0.0.0/8 ${unrelated}`] : [];
  });
  return { name: chainName(stack, 'IN'), rules };
}

function masquerade(stack: StackIdentity, networks: readonly FirewallNetwork[]): Chain {
  const rules = networks.flatMap(({ bridge, internal, ipv4: { subnet }, loopbackPublished: opened }) => [
    ...(internal ? [] : [`-s ${subnet} ! -o ${bridge} -j MASQUERADE`]),
    // A container that reaches its own network by the host's address: the answer must come back through the host.
    `-s ${subnet} -o ${bridge} -m conntrack --ctstate DNAT -j MASQUERADE`,
    ...(opened ? [`-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`] : []),
  ]);
  return { name: chainName(stack, 'SNAT'), rules };
}

/** One rule a replica: of n, the first takes every n-th new connection, the next every (n-1)-th of the rest, and so on. */
function publishRules(ports: readonly FirewallPort[]): string[] {
  return ports.flatMap((port) =>
    port.targets.map((target, i) => {
      const rest = port.targets.length - i;
      const address = port.hostAddress === '0.0.0.0' ? '' : `-d ${port.hostAddress}/32 `;
      const share = rest > 1 ? `-m statistic --mode nth --every ${rest} --packet 0 ` : '';
      const match = `${address}-p ${port.protocol} -m ${port.protocol} --dport ${port.hostPort}`;
      return `${match} ${share}-j DNAT --to-destination ${target.address}:${target.port}`;
    }),
  );
}
