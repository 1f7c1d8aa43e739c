/**
 * Published ports as maps. A port that leads to one container is an element that says where. One that leads to several is an element that
 * says which chain: there, new connections are counted, and go to them in turn.
 *
 *   local      on loopback: spread-loopback4, ports-loopback4, passed-loopback4 for what isn't led from there, then as for all
 *   published  on one address: spread4, ports4 (and 6), then on every address: spread-any4, ports-any4 (and 6)
 */
import { isIpv6, isLoopback4 } from '../../dsl/addresses.ts';
import type { FirewallPolicy, FirewallPort } from '../model/firewall-policy.ts';
import type { NftChain, NftSet } from '../model/nftables.ts';
import { directPorts, leftToProxy } from './policy-ports.ts';

/** A chain whose rules have no comments yet. */
export interface PlainChain extends Omit<NftChain, 'rules'> {
  readonly rules: readonly string[];
}

export function portChains(ports: readonly FirewallPort[]): PlainChain[] {
  const [loopback, ...others] = PLACES;
  return [
    { name: 'local', base: undefined, rules: [...(loopback ? lookUp(loopback) : []), PASSED, 'jump published'] },
    { name: 'published', base: undefined, rules: others.flatMap(lookUp) },
    ...ports.filter(({ targets }) => targets.length > 1).map(spreadChain),
  ];
}

export function portSets(ports: readonly FirewallPort[]): NftSet[] {
  return PLACES.flatMap((place) => {
    const here = ports.filter((port) => placeOf(port) === place && port.targets.length > 0);
    const key = [...(place.any ? [] : [place.type]), 'inet_proto' as const, 'inet_service' as const];
    const keyOf = ({ hostAddress, protocol, hostPort }: FirewallPort) =>
      [...(place.any ? [] : [hostAddress]), protocol, hostPort].join(' . ');
    const single = here.flatMap((port) => {
      const [target, ...more] = port.targets;
      return target && more.length === 0 ? [`${keyOf(port)} : ${target.address} . ${target.port}`] : [];
    });
    const spread = here.filter(({ targets }) => targets.length > 1).map((port) => `${keyOf(port)} : goto ${chainOf(port)}`);
    return [
      { name: `ports${place.suffix}`, key, value: [place.type, 'inet_service'], interval: false, elements: single.sort() },
      { name: `spread${place.suffix}`, key, value: 'verdict', interval: false, elements: spread.sort() },
    ] satisfies NftSet[];
  });
}

export function directSet(policy: FirewallPolicy): NftSet {
  const elements = directPorts(policy).map(({ address, protocol, port }) => `${address} . ${protocol} . ${port}`);
  return {
    name: 'direct6',
    key: ['ipv6_addr', 'inet_proto', 'inet_service'],
    value: undefined,
    interval: false,
    elements: elements.sort(),
  };
}

export function passedSet({ networks, ports }: FirewallPolicy): NftSet {
  const elements = leftToProxy(networks, ports).map(({ protocol, hostPort }) => `${protocol} . ${hostPort}`);
  return { name: 'passed-loopback4', key: ['inet_proto', 'inet_service'], value: undefined, interval: false, elements: elements.sort() };
}

const PASSED = 'ip daddr 127.0.0.0/8 meta l4proto . th dport @passed-loopback4 return';

interface Place {
  readonly suffix: string;
  readonly family: 'ip' | 'ip6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  /** On all addresses of the family. */
  readonly any: boolean;
}

const LOOPBACK: Place = { suffix: '-loopback4', family: 'ip', type: 'ipv4_addr', any: false };
const ONE4: Place = { suffix: '4', family: 'ip', type: 'ipv4_addr', any: false };
const ONE6: Place = { suffix: '6', family: 'ip6', type: 'ipv6_addr', any: false };
const ANY4: Place = { suffix: '-any4', family: 'ip', type: 'ipv4_addr', any: true };
const ANY6: Place = { suffix: '-any6', family: 'ip6', type: 'ipv6_addr', any: true };
const PLACES: readonly Place[] = [LOOPBACK, ONE4, ONE6, ANY4, ANY6];

function placeOf({ hostAddress }: FirewallPort): Place {
  if (isLoopback4(hostAddress)) return LOOPBACK;
  if (hostAddress === '0.0.0.0') return ANY4;
  if (hostAddress === '::') return ANY6;
  return isIpv6(hostAddress) ? ONE6 : ONE4;
}

/** The family is asked for: a chain of IPv4 that a packet of IPv6 goes to would end its way. A look-up that finds nothing goes on. */
function lookUp({ suffix, family, any }: Place): string[] {
  const nfproto = `meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`;
  const key = `${any ? '' : `${family} daddr . `}meta l4proto . th dport`;
  return [`${nfproto} ${key} vmap @spread${suffix}`, `${nfproto} meta l4proto { tcp, udp } dnat ${family} to ${key} map @ports${suffix}`];
}

function spreadChain(port: FirewallPort): PlainChain {
  const { protocol, targets } = port;
  const shares = targets.map(({ address, port: containerPort }, i) => `${i} : ${address} . ${containerPort}`).join(', ');
  const family = placeOf(port).family;
  return {
    name: chainOf(port),
    base: undefined,
    rules: [`meta l4proto ${protocol} dnat ${family} to numgen inc mod ${targets.length} map { ${shares} }`],
  };
}

/** Names have no colons (nft(8), "LEXICAL CONVENTIONS"). */
function chainOf({ protocol, hostAddress, hostPort }: FirewallPort): string {
  return `to-${protocol}-${hostPort}-${hostAddress.replaceAll(':', '_')}`;
}
