/** Gives out what stacks on one host share: subnets, addresses, interface names, ranges of user ids, ports. Keeps what a stack had. */
import type { StackSpec } from '../../dsl/spec.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Notice, Obstacle } from '../model/plan.ts';
import { allocateAddresses } from './allocate-addresses.ts';
import { allocateNetworks, type GivenNetwork, gatewaysOf, type NetworkContext, subnetsOf } from './allocate-networks.ts';
import { allocatePorts } from './allocate-ports.ts';
import { sha256Hex } from './names.ts';
import { containersOf } from './replicas.ts';

/** Container ids 0 … 65535, the range POSIX tools expect. */
export const UID_RANGE_SIZE = 65536;
/** 524288 … 1879048191 is the range systemd's UIDS-GIDS document sets aside for containers; we take its upper part, 12,288 ranges. */
const UID_FIRST = 0x40000000;
const UID_RANGES = 0x3000;

export interface Allocated {
  readonly allocation: Allocation;
  readonly networks: Readonly<Record<string, GivenNetwork>>;
  /** Addresses of this stack's own bridges: network → IPv4 address, and IPv6. */
  readonly gateways: Readonly<Record<string, string>>;
  readonly gateways6: Readonly<Record<string, string>>;
  readonly notices: readonly Notice[];
  readonly obstacles: readonly Obstacle[];
}

export function allocate(spec: StackSpec, stack: StackIdentity, facts: HostFacts): Allocated {
  const obstacles: Obstacle[] = [];
  const context = { stack, facts, obstacles };
  const networks = allocateNetworks(spec, context);
  const { addresses, addresses6 } = allocateAddresses(spec, networks, context);
  const uidBases = facts.usernsUnavailable === undefined ? allocateUidBases(spec, context) : {};
  const given = allocatePorts(spec, { stack, facts });
  return {
    networks,
    gateways: gatewaysOf(networks, 'ipv4'),
    gateways6: gatewaysOf(networks, 'ipv6'),
    notices: given.notices,
    obstacles: [...obstacles, ...given.obstacles],
    allocation: {
      subnets: subnetsOf(networks, 'ipv4'),
      subnets6: subnetsOf(networks, 'ipv6'),
      addresses,
      addresses6,
      joined: Object.fromEntries(Object.entries(networks).flatMap(([name, { kind, key }]) => (kind === 'own' ? [] : [[name, key]]))),
      hostPorts: given.hostPorts,
      interfaces: allocateInterfaces(spec, facts.own),
      uidBases,
      ports: given.ports,
    },
  };
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

function allocateUidBases(spec: StackSpec, { stack, facts, obstacles }: NetworkContext): Record<string, number> {
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
