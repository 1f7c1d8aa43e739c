/**
 * The firewall of a stack in the words of nftables. What it does is what the iptables driver does; how: one table of the stack's own, whose
 * rules are always the same ones, and look up in sets and maps what concerns a packet. Adding a service adds elements.
 *
 *   nat    prerouting   ─▶ published             ports on the host's real addresses
 *   nat    output       ─▶ local ─▶ published    the same for the host's own processes, and ports on loopback
 *   filter forward      networks are kept apart, and from the outside; internal ones are sealed
 *   filter input        closed networks don't reach the host, but for names; containers don't reach its loopback; strangers don't ask for names
 *   nat    postrouting  masquerade towards the world, for loopback clients, and for hairpins
 *
 * An accept ends a packet's way through this table only: other tables may still drop it (nft(8), "VERDICT STATEMENTS").
 *
 * INVARIANT: a port published on a loopback address is only in the maps that `local` looks into, never in those of `published`, which
 * prerouting uses. Prerouting comes before the kernel drops martians, so a neighbour could send to 127.0.0.1 by our MAC and reach it (the
 * class of CVE-2020-8558).
 */
import type { FirewallNetwork, FirewallPolicy, FirewallPort, FirewallSubnet } from '../model/firewall-policy.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { NftablesSpec, NftHook, NftSet } from '../model/nftables.ts';
import { nftablesName, sha256Hex } from './names.ts';
import { directSet, type PlainChain, passedSet, portChains, portSets } from './nftables-ports.ts';
import { leadsInto } from './policy-ports.ts';

export function nftablesRules(policy: FirewallPolicy, stack: StackIdentity): NftablesSpec {
  const { networks, ports } = policy;
  const sources = networks.map((network) => sourceOf(network, ports)).filter(({ rules }) => rules.length > 0);
  const chains = [...sources, ...portChains(ports), ...natChains(), ...filterChains()];
  return {
    name: nftablesName(stack),
    sets: [...networkSets(networks), ...sourceSets(sources), ...portSets(ports), passedSet(policy), directSet(policy)],
    chains: chains.map(({ name, base, rules }) => ({
      name,
      base,
      rules: rules.map((text) => ({ text, comment: `tsstack:${sha256Hex(text).slice(0, 12)}` })),
    })),
  };
}

/** Just before those of iptables and of most others (nft(8), "Standard priority names"): who is first to translate an address has done so. */
const DSTNAT = -101;
const SRCNAT = 99;
const FILTER = 0;

function natChains(): PlainChain[] {
  return [
    {
      name: 'prerouting',
      base: hook('nat', 'prerouting', DSTNAT),
      rules: [
        'ip daddr 127.0.0.0/8 return',
        // A container asks its bridge for names, which whoever publishes port 53 on all addresses doesn't mean to answer. `fib daddr . iif`:
        // an address of the very interface that the packet came by (nft(8), "FIB EXPRESSIONS"), whichever stack's it is.
        `iifname "ts-*" ${DNS} fib daddr . iif type local return`,
        'fib daddr type local jump published',
      ],
    },
    { name: 'output', base: hook('nat', 'output', DSTNAT), rules: ['ip6 daddr ::1 return', 'fib daddr type local jump local'] },
    {
      name: 'postrouting',
      base: hook('nat', 'postrouting', SRCNAT),
      rules: ['ip saddr vmap @sources4', 'ip6 saddr vmap @sources6', 'ip saddr 127.0.0.0/8 oifname @opened masquerade'],
    },
  ];
}

/** `ct status dnat` is true of a connection whose destination a published port has rewritten. */
function filterChains(): PlainChain[] {
  return [
    {
      name: 'forward',
      base: hook('filter', 'forward', FILTER),
      rules: ['iifname . oifname @within accept', 'iifname @sealed drop', 'oifname @sealed drop', 'oifname @networks jump inward'],
    },
    {
      name: 'inward',
      base: undefined,
      rules: ['ct state established,related accept', 'ct status dnat accept', `ip6 daddr . ${PORT} @direct6 accept`, 'drop'],
    },
    {
      name: 'input',
      base: hook('filter', 'input', FILTER),
      rules: [
        `iifname . ip daddr @gateways4 ${DNS} accept`,
        `iifname . ip6 daddr @gateways6 ${DNS} accept`,
        `iifname != "lo" ip daddr @resolvers4 ${DNS} drop`,
        `iifname != "lo" ip6 daddr @resolvers6 ${DNS} drop`,
        'iifname @closed jump closed',
        'iifname @opened ip saddr 127.0.0.0/8 drop',
        'iifname @opened ip daddr 127.0.0.0/8 ct state != { established, related } drop',
      ],
    },
    {
      name: 'closed',
      base: undefined,
      rules: [
        'ct state established,related accept',
        // Without neighbours there is no way to the gateway, and so no names (RFC 4861, 7.1).
        'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
        'drop',
      ],
    },
  ];
}

const DNS = 'meta l4proto { tcp, udp } th dport 53';
const PORT = 'meta l4proto . th dport';

function hook(type: NftHook['type'], name: NftHook['hook'], priority: number): NftHook {
  return { type, hook: name, priority };
}

function networkSets(networks: readonly FirewallNetwork[]): NftSet[] {
  const owned = networks.filter((network) => network.owned);
  const names = (chosen: readonly FirewallNetwork[]) => chosen.map(({ bridge }) => bridge);
  return [
    newSet('networks', ['ifname'], names(owned.filter(({ internal }) => !internal))),
    newSet('sealed', ['ifname'], names(owned.filter(({ internal }) => internal))),
    newSet('closed', ['ifname'], names(owned.filter(({ internal, hostAccess }) => internal && !hostAccess))),
    newSet('opened', ['ifname'], names(networks.filter(({ loopbackPublished }) => loopbackPublished))),
    newSet(
      'within',
      ['ifname', 'ifname'],
      owned.map(({ bridge }) => `${bridge} . ${bridge}`),
    ),
    ...FAMILIES.flatMap(({ digit, type, of }) => {
      const gateways = owned.flatMap((network) => {
        const gateway = of(network)?.gateway;
        return gateway === undefined ? [] : [{ bridge: network.bridge, gateway }];
      });
      return [
        newSet(
          `gateways${digit}`,
          ['ifname', type],
          gateways.map(({ bridge, gateway }) => `${bridge} . ${gateway}`),
        ),
        newSet(
          `resolvers${digit}`,
          [type],
          gateways.map(({ gateway }) => gateway),
        ),
      ];
    }),
  ];
}

interface Family {
  readonly digit: '4' | '6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  readonly of: (network: FirewallNetwork) => FirewallSubnet | undefined;
}
const FAMILIES: readonly Family[] = [
  { digit: '4', type: 'ipv4_addr', of: ({ ipv4 }) => ipv4 },
  { digit: '6', type: 'ipv6_addr', of: ({ ipv6 }) => ipv6 },
];

function newSet(name: string, key: NftSet['key'], elements: readonly string[]): NftSet {
  return { name, key, value: undefined, interval: false, elements: [...new Set(elements)].sort() };
}

interface Source extends PlainChain {
  readonly network: FirewallNetwork;
}

/** What leaves a network. */
function sourceOf(network: FirewallNetwork, ports: readonly FirewallPort[]): Source {
  const { bridge, owned, internal, ipv4, ipv6 } = network;
  const families = [...(ipv4.masquerade ? ['ipv4'] : []), ...(ipv6?.masquerade ? ['ipv6'] : [])];
  const outward = owned && !internal ? families.map((family) => `meta nfproto ${family} oifname != "${bridge}" masquerade`) : [];
  const hairpin = leadsInto(ports, bridge) ? [`oifname "${bridge}" ct status dnat masquerade`] : [];
  // A bridge that isn't ours may have any name.
  const name = /^[\w.-]+$/.test(bridge) ? `from-${bridge}` : `from-${sha256Hex(bridge).slice(0, 12)}`;
  return { network, name, base: undefined, rules: [...outward, ...hairpin] };
}

function sourceSets(sources: readonly Source[]): NftSet[] {
  return FAMILIES.map(({ digit, type, of }) => {
    const elements = sources.flatMap(({ network, name }) => {
      const subnet = of(network)?.subnet;
      return subnet === undefined ? [] : [`${subnet} : goto ${name}`];
    });
    return { ...newSet(`sources${digit}`, [type], elements), value: 'verdict', interval: true };
  });
}
