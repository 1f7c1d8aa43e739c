/**
 * The policy of a stack in the words of iptables: chains of our own, each reached by one jump. A packet meets them in this order:
 *
 *   nat  PREROUTING  first ─▶ DNAT ─▶ PUB          ports published on the host's real addresses
 *   nat  OUTPUT      first ─▶ OUT  ─▶ LOOP, PUB    the same for the host's own processes, and ports on loopback
 *   filter INPUT     first ─▶ IN      names are served; nobody pretends to be the loopback; internal networks don't reach the host
 *   filter FORWARD   first ─▶ ISO     drops what crosses networks. Before any stack's accepts, or they would let it through
 *   filter FORWARD   last  ─▶ FWD     accepts the rest, for hosts whose FORWARD policy is DROP
 *   nat  POSTROUTING first ─▶ SNAT    masquerade towards the world, for loopback clients, and for hairpins
 *
 * Each of a family that has it (`filter6`, `nat6`). What others say in FORWARD is heard between ISO and FWD: who drops a packet there
 * means it. Only what is said of everything (a policy, a last rule without a match) is no word about our networks.
 *
 * INVARIANT: a port published on a loopback address is never in DNAT, and nothing that is sent to one is rewritten there. PREROUTING comes
 * before the kernel drops martians, so a neighbour could send to 127.0.0.1 by our MAC and reach it (the class of CVE-2020-8558).
 */
import type { Chain, ChainRule, IptablesTable, Jump } from '../model/firewall.ts';
import type { FirewallPolicy, FirewallPort } from '../model/firewall-policy.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { TableSpec } from '../model/resources.ts';
import { type FamilyPolicy, ofFamily, single } from './iptables-family.ts';
import { isolation } from './iptables-isolation.ts';
import { exemptions, openPorts, publishChains } from './iptables-publish.ts';
import { chainName, sha256Hex } from './names.ts';
import { leadsInto, leftToProxy } from './policy-ports.ts';
import type { TextChain } from './port-chains.ts';

/** Tables of a family without networks are left out, as are chains without rules and the jumps to them. */
export function iptablesRules(policy: FirewallPolicy, stack: StackIdentity): TableSpec[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const one = ofFamily(policy, stack, family);
    if (one.networks.length === 0) return [];
    const suffix = family === 'ipv4' ? '' : '6';
    return [table(`filter${suffix}`, filterChains(one), filterJumps(stack)), table(`nat${suffix}`, natChains(one), natJumps(stack))];
  });
}

function table(name: IptablesTable, chains: readonly TextChain[], jumps: readonly Omit<Jump, 'mark'>[]): TableSpec {
  const filled = chains.filter(({ rules }) => rules.length > 0);
  return {
    table: name,
    chains: filled.map(({ name: chain, rules }): Chain => ({ name: chain, rules: rules.map(marked) })),
    jumps: jumps
      .filter((jump) => filled.some((chain) => chain.name === jump.chain))
      .map((jump) => ({ ...jump, mark: markOf(`${jump.match} ${jump.chain}`) })),
  };
}

function marked(text: string): ChainRule {
  return { text, mark: markOf(text) };
}

function markOf(text: string): string {
  return sha256Hex(text).slice(0, 8);
}

function filterJumps(stack: StackIdentity): Omit<Jump, 'mark'>[] {
  return [
    { builtin: 'FORWARD', position: 'first', match: '', chain: chainName(stack, 'ISO') },
    { builtin: 'FORWARD', position: 'last', match: '', chain: chainName(stack, 'FWD') },
    { builtin: 'INPUT', position: 'first', match: '', chain: chainName(stack, 'IN') },
  ];
}

function natJumps(stack: StackIdentity): Omit<Jump, 'mark'>[] {
  const local = '-m addrtype --dst-type LOCAL';
  return [
    { builtin: 'PREROUTING', position: 'first', match: local, chain: chainName(stack, 'DNAT') },
    { builtin: 'OUTPUT', position: 'first', match: local, chain: chainName(stack, 'OUT') },
    { builtin: 'POSTROUTING', position: 'first', match: '', chain: chainName(stack, 'SNAT') },
  ];
}

function filterChains(policy: FamilyPolicy): TextChain[] {
  const { stack } = policy;
  return [
    { name: chainName(stack, 'ISO'), rules: isolation(policy) },
    ...openPorts(policy),
    { name: chainName(stack, 'FWD'), rules: acceptance(policy) },
    { name: chainName(stack, 'IN'), rules: input(policy) },
  ];
}

function natChains(policy: FamilyPolicy): TextChain[] {
  const { stack, family, networks, ports } = policy;
  const published = publishChains(policy);
  const enter = (suffix: 'PUB' | 'LOOP', match: string) => {
    const name = chainName(stack, suffix);
    return published.some((chain) => chain.name === name && chain.rules.length > 0) ? [`${match}-j ${name}`] : [];
  };
  const pub = enter('PUB', '');
  // The kernel leads nobody from ::1 elsewhere: a proxy listens there.
  const own =
    family === 'ipv4'
      ? [...enter('LOOP', '-d 127.0.0.0/8 '), ...leftToProxy(networks, ports).map(passBy)]
      : pub.map(() => '-d ::1/128 -j RETURN');
  // What comes by a link for ::1 the kernel has dropped by then (RFC 4291, 2.5.3).
  const martians = family === 'ipv4' ? ['-d 127.0.0.0/8 -j RETURN'] : [];
  return [
    { name: chainName(stack, 'DNAT'), rules: pub.length === 0 ? [] : [...martians, ...exemptions(ports), ...pub] },
    { name: chainName(stack, 'OUT'), rules: [...own, ...pub] },
    ...published,
    { name: chainName(stack, 'SNAT'), rules: sourceRules(policy) },
  ];
}

function passBy({ protocol, hostPort }: FirewallPort): string {
  return `-d 127.0.0.0/8 -p ${protocol} -m ${protocol} --dport ${hostPort} -j RETURN`;
}

/** A bridge of others' only where a published port leads in: what else it forwards is its owner's business. */
function acceptance({ networks, ports }: FamilyPolicy): string[] {
  return networks.flatMap(({ bridge, owned, internal }) => {
    if (owned) return internal ? [`-i ${bridge} -o ${bridge} -j ACCEPT`] : [`-i ${bridge} -j ACCEPT`, `-o ${bridge} -j ACCEPT`];
    if (internal || !leadsInto(ports, bridge)) return [];
    return [`-o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`, `-i ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`];
  });
}

/**
 * Names first, whatever the host's own rules refuse. NDP as well, without which IPv6 finds no gateway (RFC 4861, 7.1; RFC 4890, 4.4.1).
 * 127.0.0.0/8 is neither source nor destination of what a bridge brings, but for replies: route_localnet would let it in.
 */
function input({ networks, family }: FamilyPolicy): string[] {
  return networks.flatMap(({ bridge, owned, internal, hostAccess, subnet, loopbackPublished }) => {
    const unrelated = '-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP';
    const loopback =
      loopbackPublished && family === 'ipv4' ? [`-i ${bridge} -s 127.0.0.0/8 -j DROP`, `-i ${bridge} -d 127.0.0.0/8 ${unrelated}`] : [];
    if (!owned) return loopback;
    const gateway = `-i ${bridge} -d ${single(subnet.gateway)}`;
    const neighbours = [135, 136].map((type) => `-i ${bridge} -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j ACCEPT`);
    return [
      ...loopback,
      ...(['udp', 'tcp'] as const).map((protocol) => `${gateway} -p ${protocol} -m ${protocol} --dport 53 -j ACCEPT`),
      ...(family === 'ipv6' ? neighbours : []),
      ...(internal && !hostAccess ? [`-i ${bridge} ${unrelated}`] : []),
    ];
  });
}

function sourceRules({ networks, ports, family }: FamilyPolicy): string[] {
  return networks.flatMap(({ bridge, owned, internal, subnet, loopbackPublished }) => [
    ...(owned && !internal && subnet.masquerade ? [`-s ${subnet.subnet} ! -o ${bridge} -j MASQUERADE`] : []),
    ...(leadsInto(ports, bridge) ? [`-s ${subnet.subnet} -o ${bridge} -m conntrack --ctstate DNAT -j MASQUERADE`] : []),
    ...(loopbackPublished && family === 'ipv4' ? [`-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`] : []),
  ]);
}
