/** Gives out what stacks on one host share: subnets, addresses, interface names, ranges of user ids, ports. Keeps what a stack had. */
import type { NetworkSpec, StackSpec } from '../../dsl/spec.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Notice, Obstacle } from '../model/plan.ts';
import { allocatePorts } from './allocate-ports.ts';
import { chooseAddress, chooseSubnet, contains, firstAddress, formatSubnet, overlaps, parseCidr, type Subnet } from './ipam.ts';
import { sha256Hex } from './names.ts';
import { containersOf } from './replicas.ts';

/** Container ids 0 … 65535, the range POSIX tools expect. */
export const UID_RANGE_SIZE = 65536;
/** 524288 … 1879048191 is the range systemd's UIDS-GIDS document sets aside for containers; we take its upper part, 12,288 ranges. */
const UID_FIRST = 0x40000000;
const UID_RANGES = 0x3000;

export interface Allocated {
  readonly allocation: Allocation;
  readonly gateways: Readonly<Record<string, string>>;
  readonly notices: readonly Notice[];
  readonly obstacles: readonly Obstacle[];
}

export function allocate(spec: StackSpec, stack: StackIdentity, facts: HostFacts): Allocated {
  const obstacles: Obstacle[] = [];
  const subnets = allocateSubnets(spec, { stack, facts, obstacles });
  const gateways: Record<string, string> = {};
  for (const [network, subnet] of Object.entries(subnets)) {
    gateways[network] = spec.networks[network]?.gateway ?? firstAddress(subnet);
  }
  const addresses = allocateAddresses(spec, { subnets, gateways, stack, facts, obstacles });
  const uidBases = facts.usernsUnavailable === undefined ? allocateUidBases(spec, { stack, facts, obstacles }) : {};
  const given = allocatePorts(spec, { stack, facts });
  return {
    gateways,
    notices: given.notices,
    obstacles: [...obstacles, ...given.obstacles],
    allocation: {
      subnets: Object.fromEntries(Object.entries(subnets).map(([network, subnet]) => [network, formatSubnet(subnet)])),
      addresses,
      subnets6: {},
      addresses6: {},
      joined: {},
      hostPorts: given.hostPorts,
      interfaces: allocateInterfaces(spec, facts.own),
      uidBases,
      ports: given.ports,
    },
  };
}

interface AllocationContext {
  readonly stack: StackIdentity;
  readonly facts: HostFacts;
  readonly obstacles: Obstacle[];
}

function allocateSubnets(spec: StackSpec, { stack, facts, obstacles }: AllocationContext): Record<string, Subnet> {
  const others = Object.entries(facts.others.subnets).map(([holder, cidr]) => ({
    holder: `network \`${holder}\``,
    subnet: parseCidr(cidr),
  }));
  const routes = facts.hostRoutes.map((cidr) => ({ holder: `host route \`${cidr}\``, subnet: parseCidr(cidr) }));
  const foreign = [...others, ...routes];
  const result: Record<string, Subnet> = {};
  const mine: Subnet[] = [];
  const give = (network: string, subnet: Subnet) => {
    result[network] = subnet;
    mine.push(subnet);
  };
  const networks = Object.entries(spec.networks).sort(byKey);
  for (const [network, { subnet: fixed }] of networks) {
    if (fixed === undefined) continue;
    const subnet = parseCidr(fixed);
    const clash = foreign.find((other) => overlaps(other.subnet, subnet));
    if (clash) obstacles.push(subnetObstacle(stack, network, `subnet ${fixed} overlaps ${clash.holder}`));
    give(network, subnet);
  }
  for (const [network] of networks.filter(needsSubnet)) {
    const had = Object.hasOwn(facts.own.subnets, network) ? facts.own.subnets[network] : undefined;
    const taken = [...mine, ...foreign.map((other) => other.subnet)];
    const kept = had === undefined ? undefined : parseCidr(had);
    const subnet = kept && !taken.some((other) => overlaps(other, kept)) ? kept : chooseSubnet(`${stack.hash}/${network}`, taken);
    if (subnet) give(network, subnet);
    else obstacles.push(subnetObstacle(stack, network, 'no free subnet left in 10.128.0.0/10'));
  }
  return result;
}

function needsSubnet([, network]: readonly [string, NetworkSpec]): boolean {
  return network.subnet === undefined;
}

function subnetObstacle(stack: StackIdentity, network: string, why: string): Obstacle {
  return {
    resource: `link:${stack.name}/${network}`,
    message: `cannot create network \`${network}\`: ${why}`,
    hint: `set networks.${network}.subnet to a range that is free on this host`,
  };
}

interface AddressContext extends AllocationContext {
  readonly subnets: Readonly<Record<string, Subnet>>;
  readonly gateways: Readonly<Record<string, string>>;
}

function allocateAddresses(spec: StackSpec, { subnets, gateways, stack, facts, obstacles }: AddressContext): Record<string, string> {
  const result: Record<string, string> = {};
  const wanted = containersOf(spec).flatMap(({ name, service }) =>
    service.networks.map((attachment) => ({ key: `${name}/${attachment.network}`, name, attachment })),
  );
  const held = heldAddresses(facts.own);
  const taken = new Map<string, Set<string>>();
  for (const [network, gateway] of Object.entries(gateways)) taken.set(network, new Set([gateway]));
  const give = (key: string, network: string, address: string) => {
    result[key] = address;
    taken.get(network)?.add(address);
  };
  for (const { key, attachment } of wanted) {
    if (attachment.ipv4Address !== undefined) give(key, attachment.network, attachment.ipv4Address);
  }
  for (const { key, attachment } of wanted) {
    const subnet = subnets[attachment.network];
    const had = facts.own.addresses[key];
    if (result[key] !== undefined || had === undefined || !subnet) continue;
    if (contains(subnet, had) && !taken.get(attachment.network)?.has(had)) give(key, attachment.network, had);
  }
  for (const { key, name, attachment } of wanted) {
    const subnet = subnets[attachment.network];
    if (result[key] !== undefined || !subnet) continue;
    const given = taken.get(attachment.network) ?? new Set();
    // What a leaving container holds is the last choice: whoever gets that waits until it has stopped.
    const address = chooseAddress(subnet, new Set([...given, ...(held.get(attachment.network) ?? [])])) ?? chooseAddress(subnet, given);
    if (address !== undefined) give(key, attachment.network, address);
    else {
      obstacles.push({
        resource: `container:${stack.name}/${name}`,
        message: `cannot give \`${name}\` an address: network \`${attachment.network}\` (${formatSubnet(subnet)}) is full`,
        hint: `give the network a larger subnet, e.g. networks.${attachment.network}.subnet: '10.200.0.0/16'`,
      });
    }
  }
  return result;
}

/** Network → the addresses its containers had last time. */
function heldAddresses({ addresses }: Allocation): ReadonlyMap<string, readonly string[]> {
  const held = new Map<string, string[]>();
  for (const [key, address] of Object.entries(addresses)) {
    const network = key.slice(key.indexOf('/') + 1);
    const others = held.get(network);
    if (others) others.push(address);
    else held.set(network, [address]);
  }
  return held;
}

/** `eth0`, `eth1`, … in the order of the service's networks; a network that stays keeps its interface when others come and go. */
function allocateInterfaces(spec: StackSpec, own: Allocation): Record<string, string> {
  const result: Record<string, string> = {};
  for (const { name, service } of containersOf(spec)) {
    const used = new Set<string>();
    for (const { network } of service.networks) {
      const had = own.interfaces[`${name}/${network}`];
      if (had === undefined || used.has(had)) continue;
      result[`${name}/${network}`] = had;
      used.add(had);
    }
    for (const { network } of service.networks) {
      const key = `${name}/${network}`;
      if (result[key] !== undefined) continue;
      let index = 0;
      while (used.has(`eth${index}`)) index++;
      result[key] = `eth${index}`;
      used.add(`eth${index}`);
    }
  }
  return result;
}

function allocateUidBases(spec: StackSpec, { stack, facts, obstacles }: AllocationContext): Record<string, number> {
  const taken = new Set(Object.values(facts.others.uidBases));
  const result: Record<string, number> = {};
  const wanted = containersOf(spec).filter(({ service }) => service.userns === 'private');
  for (const { name } of wanted) {
    const had = facts.own.uidBases[name];
    if (had === undefined || taken.has(had)) continue;
    result[name] = had;
    taken.add(had);
  }
  for (const { name } of wanted) {
    if (result[name] !== undefined) continue;
    if (taken.size >= UID_RANGES) {
      obstacles.push({
        resource: `container:${stack.name}/${name}`,
        message: `cannot give \`${name}\` a range of user ids: all ${UID_RANGES} are in use on this host`,
        hint: "take stacks down that are no longer needed, or set userns: 'host' for this service",
      });
      continue;
    }
    let slot = Number.parseInt(sha256Hex(`${stack.hash}/${name}`).slice(0, 8), 16) % UID_RANGES;
    while (taken.has(UID_FIRST + slot * UID_RANGE_SIZE)) slot = (slot + 1) % UID_RANGES;
    result[name] = UID_FIRST + slot * UID_RANGE_SIZE;
    taken.add(UID_FIRST + slot * UID_RANGE_SIZE);
  }
  return result;
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
