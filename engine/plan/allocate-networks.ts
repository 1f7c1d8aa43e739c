/** Where the networks of a stack are: subnets that are chosen or declared, bridges of others that are joined, and the links of a LAN. */
import { isIpv6 } from '../../dsl/addresses.ts';
import { append } from '../../dsl/multimap.ts';
import { ownValue } from '../../dsl/own-value.ts';
import type { NetworkSpec, StackSpec } from '../../dsl/spec.ts';
import { formatNetwork, type IpRange, parseNetwork } from '../codec/ip.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Obstacle } from '../model/plan.ts';
import { type FreeSubnets, firstAddress, freeSubnets, type HeldRange, POOL4, subnetPool } from './ipam.ts';
import { bridgeName } from './names.ts';

/** A network with all that it was given. */
export interface GivenNetwork {
  /** `own`: a bridge that this stack makes. `joined`: one that others make. `macvlan`: none. */
  readonly kind: 'own' | 'joined' | 'macvlan';
  /** ifname; undefined: there is none. */
  readonly bridge: string | undefined;
  readonly internal: boolean;
  /** Bytes; undefined: as the link below it has it. */
  readonly mtu: number | undefined;
  readonly ipv4: GivenSubnet;
  readonly ipv6: GivenSubnet | undefined;
  /** The same for all stacks that are on it: `shop-3f9a1c2e/front`, `bridge:br0`, `macvlan:eth0`. */
  readonly key: string;
  /** Addresses that others have on it, of both families. */
  readonly taken: readonly string[];
}

export interface GivenSubnet {
  readonly range: IpRange;
  /** Where addresses are chosen from. */
  readonly from: IpRange;
  /** Of an own one always; else undefined: there is no way out. */
  readonly gateway: string | undefined;
}

export interface NetworkContext {
  readonly stack: StackIdentity;
  readonly facts: HostFacts;
  /** What stands in the way is added here. */
  readonly obstacles: Obstacle[];
}

interface Shared extends NetworkContext {
  readonly takenOn: (key: string) => readonly string[];
}

/** ETH_DATA_LEN of linux/if_ether.h, what the kernel gives bridges and veths. Named, so that an `mtu` taken out of the stack file is taken back. */
const DEFAULT_MTU = 1500;

/** Networks with an obstacle are left out. */
export function allocateNetworks(spec: StackSpec, around: NetworkContext): Record<string, GivenNetwork> {
  const context = { ...around, takenOn: takenByNetwork(around.facts.others) };
  const networks = Object.entries(spec.networks).sort(([a], [b]) => (a < b ? -1 : 1));
  const foreign = networks.flatMap(([name, network]) => {
    const given = network.external
      ? joined(name, network, context)
      : network.driver === 'macvlan'
        ? macvlan(name, network, context)
        : undefined;
    return given ? [[name, given] as const] : [];
  });
  return Object.fromEntries([...foreign, ...ownNetworks(networks, foreign, context)]);
}

function ownNetworks(
  networks: readonly (readonly [string, NetworkSpec])[],
  foreign: readonly (readonly [string, GivenNetwork])[],
  context: Shared,
): (readonly [string, GivenNetwork])[] {
  const { stack, facts, takenOn } = context;
  const own = networks.filter(([, { external, driver }]) => !external && driver === 'bridge');
  const beside = (family: 'ipv4' | 'ipv6') =>
    foreign.flatMap(([name, given]) => {
      const range = given[family]?.range;
      return range ? [{ range, holder: `network \`${name}\`` }] : [];
    });
  const subnets = giveSubnets(
    own.map(([name, { subnet }]) => ({ name, fixed: subnet, had: ownValue(facts.own.subnets, name), setting: `networks.${name}.subnet` })),
    freeSubnets(POOL4, [...heldBy(facts.others.subnets), ...routes(facts, 4), ...beside('ipv4')]),
    { ...context, pool: '10.128.0.0/10' },
  );
  const wanting6 = own.filter(([name, { ipv6 }]) => ipv6 !== undefined && hasIpv6(name, context));
  const held6 = () => [...heldBy(facts.others.subnets6), ...routes(facts, 6), ...beside('ipv6')];
  const subnets6 = giveSubnets(
    wanting6.map(([name, { ipv6 }]) => ({
      name,
      fixed: ipv6?.subnet,
      had: ownValue(facts.own.subnets6, name),
      setting: `networks.${name}.ipv6.subnet`,
    })),
    freeSubnets(subnetPool(facts.ulaPrefix, 64), wanting6.length === 0 ? [] : held6()),
    { ...context, pool: facts.ulaPrefix },
  );
  return own.flatMap(([name, network]) => {
    const [range, range6] = [subnets.get(name), subnets6.get(name)];
    if (!range) return [];
    const given: GivenNetwork = {
      kind: 'own',
      bridge: bridgeName(stack, name),
      internal: network.internal,
      mtu: network.mtu ?? DEFAULT_MTU,
      ipv4: givenSubnet(range, network, firstAddress(range)),
      ipv6: range6 && givenSubnet(range6, network.ipv6, firstAddress(range6)),
      key: `${stack.id}/${name}`,
      taken: takenOn(`${stack.id}/${name}`),
    };
    return [[name, given] as const];
  });
}

interface WantedSubnet {
  readonly name: string;
  readonly fixed: string | undefined;
  readonly had: string | undefined;
  /** Where it is declared. */
  readonly setting: string;
}

/** What is declared first, then what each had last time, so that nobody is given what another keeps. */
function giveSubnets(
  wanted: readonly WantedSubnet[],
  free: FreeSubnets,
  { stack, obstacles, pool }: NetworkContext & { readonly pool: string },
): ReadonlyMap<string, IpRange> {
  const given = new Map<string, IpRange>();
  const give = (name: string, range: IpRange) => {
    given.set(name, range);
    free.take(range, `network \`${name}\``);
  };
  for (const { name, fixed, setting } of wanted) {
    if (fixed === undefined) continue;
    const range = parseNetwork(fixed);
    const holder = free.holderOf(range);
    if (holder !== undefined) obstacles.push(subnetObstacle(stack, { name, setting }, `subnet ${fixed} overlaps ${holder}`));
    give(name, range);
  }
  for (const { name, fixed, had } of wanted) {
    const kept = fixed === undefined && had !== undefined ? parseNetwork(had) : undefined;
    if (kept && free.holderOf(kept) === undefined) give(name, kept);
  }
  for (const { name, setting } of wanted) {
    if (given.has(name)) continue;
    const range = free.choose(`${stack.hash}/${name}`);
    if (range) give(name, range);
    else obstacles.push(subnetObstacle(stack, { name, setting }, `no free subnet left in ${pool}`));
  }
  return given;
}

/** A bridge that another stack or the host makes. */
function joined(name: string, network: NetworkSpec, { stack, facts, obstacles, takenOn }: Shared): GivenNetwork | undefined {
  const found = ownValue(facts.externals, name);
  if (!found) {
    const refused = ownValue(facts.refusedExternals, name);
    const message = `cannot join network \`${name}\`: ${refused?.why ?? 'it is not there'}`;
    obstacles.push({ resource: `link:${stack.name}/${name}`, message, hint: refused?.hint });
    return undefined;
  }
  const subnet6 = network.ipv6?.subnet ?? found.subnet6;
  const key = found.key ?? `bridge:${found.bridge}`;
  return {
    kind: 'joined',
    bridge: found.bridge,
    internal: found.internal,
    mtu: network.mtu ?? found.mtu,
    ipv4: givenSubnet(parseNetwork(network.subnet ?? found.subnet), network, found.gateway),
    ipv6: subnet6 === undefined ? undefined : givenSubnet(parseNetwork(subnet6), network.ipv6, found.gateway6),
    key,
    taken: [...takenOn(key), ...found.taken],
  };
}

/** On the LAN of one of the host's links, whose addresses are not ours to choose freely: the stack file says from where. */
function macvlan(name: string, network: NetworkSpec, { stack, obstacles, takenOn }: Shared): GivenNetwork | undefined {
  const { subnet, ipv6 } = network;
  if (subnet === undefined || network.macvlan === undefined) {
    obstacles.push({
      resource: `link:${stack.name}/${name}`,
      message: `cannot use network \`${name}\`: of driver macvlan its subnet and its parent must be declared`,
      hint: `set networks.${name}.subnet to that of the LAN`,
    });
    return undefined;
  }
  const key = `macvlan:${network.macvlan.parent}`;
  return {
    kind: 'macvlan',
    bridge: undefined,
    internal: network.internal,
    mtu: network.mtu,
    ipv4: givenSubnet(parseNetwork(subnet), network, undefined),
    ipv6: ipv6?.subnet === undefined ? undefined : givenSubnet(parseNetwork(ipv6.subnet), ipv6, undefined),
    key,
    taken: takenOn(key),
  };
}

/** `otherwise`: the gateway, where none is declared. */
function givenSubnet(
  range: IpRange,
  declared: Partial<Pick<NetworkSpec, 'ipRange' | 'gateway'>> | undefined,
  otherwise: string | undefined,
): GivenSubnet {
  const from = declared?.ipRange === undefined ? range : parseNetwork(declared.ipRange);
  return { range, from, gateway: declared?.gateway ?? otherwise };
}

/** By the key of a network: the addresses that other stacks have on it. Of most networks there are none, and then nobody looks through all. */
function takenByNetwork(others: Allocation): (key: string) => readonly string[] {
  const keys = new Set(Object.values(others.joined));
  let taken: ReadonlyMap<string, readonly string[]> | undefined;
  return (key) => {
    if (!keys.has(key)) return [];
    taken ??= addressesByKey(others);
    return taken.get(key) ?? [];
  };
}

function addressesByKey({ joined: keys, addresses, addresses6 }: Allocation): ReadonlyMap<string, readonly string[]> {
  const taken = new Map<string, string[]>();
  for (const [holder, address] of [...Object.entries(addresses), ...Object.entries(addresses6)]) {
    // `shop-3f9a1c2e/web-1/front` is on `shop-3f9a1c2e/front`.
    const key = keys[holder.replace(/\/.*\//, '/')];
    if (key !== undefined) append(taken, key, address);
  }
  return taken;
}

function hasIpv6(name: string, { stack, facts, obstacles }: NetworkContext): boolean {
  if (facts.ipv6) return true;
  obstacles.push({
    resource: `link:${stack.name}/${name}`,
    message: `cannot create network \`${name}\`: it has IPv6, and this host hasn't`,
    hint: `take networks.${name}.ipv6 away, or load the module ipv6 (and start the kernel without ipv6.disable=1)`,
  });
  return false;
}

function heldBy(subnets: Readonly<Record<string, string>>): HeldRange[] {
  return Object.entries(subnets).map(([holder, cidr]) => ({ holder: `network \`${holder}\``, range: parseNetwork(cidr) }));
}

function routes({ hostRoutes }: HostFacts, family: 4 | 6): HeldRange[] {
  const ofFamily = hostRoutes.filter((cidr) => isIpv6(cidr) === (family === 6));
  return ofFamily.map((cidr) => ({ holder: `host route \`${cidr}\``, range: parseNetwork(cidr) }));
}

function subnetObstacle(
  stack: StackIdentity,
  { name, setting }: { readonly name: string; readonly setting: string },
  why: string,
): Obstacle {
  return {
    resource: `link:${stack.name}/${name}`,
    message: `cannot create network \`${name}\`: ${why}`,
    hint: `set ${setting} to a range that is free on this host`,
  };
}

export function subnetsOf(networks: Readonly<Record<string, GivenNetwork>>, family: 'ipv4' | 'ipv6'): Record<string, string> {
  return ownRecord(networks, (given) => given[family] && formatNetwork(given[family].range));
}

export function gatewaysOf(networks: Readonly<Record<string, GivenNetwork>>, family: 'ipv4' | 'ipv6'): Record<string, string> {
  return ownRecord(networks, (given) => given[family]?.gateway);
}

function ownRecord(
  networks: Readonly<Record<string, GivenNetwork>>,
  value: (given: GivenNetwork) => string | undefined,
): Record<string, string> {
  const entries = Object.entries(networks).flatMap(([name, given]) => {
    const text = given.kind === 'own' ? value(given) : undefined;
    return text === undefined ? [] : [[name, text]];
  });
  // Without a prototype: a network may be called `constructor`, and have none.
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(entries));
}
