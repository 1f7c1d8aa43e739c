import { formatIpv4, type Ipv4Range, parseCidr, parseIpv4, rangesOverlap } from './ipv4.ts';
import type { IssueLog } from './issues.ts';
import type { NetworkSpec, StackSpec } from './spec.ts';

/** Room for the network's and the broadcast address, the gateway and one container. */
const LONGEST_PREFIX = 30;
const SHORTEST_PREFIX = 8;

export function crosscheckNetworks(spec: StackSpec, log: IssueLog): void {
  const ranges = new Map<string, Ipv4Range>();
  for (const [name, network] of Object.entries(spec.networks)) {
    const range = checkSubnet(name, network, log);
    if (range === undefined) continue;
    for (const [other, otherRange] of ranges) {
      if (!rangesOverlap(range, otherRange)) continue;
      log.add(['networks', name, 'subnet'], network.subnet, `overlaps \`${spec.networks[other]?.subnet}\` of network \`${other}\``);
    }
    ranges.set(name, range);
  }
  checkStaticAddresses(spec, ranges, log);
}

function checkSubnet(name: string, network: NetworkSpec, log: IssueLog): Ipv4Range | undefined {
  const path = ['networks', name];
  const { subnet, gateway } = network;
  const range = subnet === undefined ? undefined : parseCidr(subnet);
  if (gateway !== undefined && subnet === undefined) log.add([...path, 'gateway'], gateway, 'needs a `subnet` that it is in');
  if (range === undefined) return undefined;
  if (range.address !== range.first) {
    log.add([...path, 'subnet'], subnet, 'is an address in a subnet', `${formatIpv4(range.first)}/${range.prefix}`);
  }
  if (range.prefix > LONGEST_PREFIX || range.prefix < SHORTEST_PREFIX) {
    log.add([...path, 'subnet'], subnet, `must have a prefix of ${SHORTEST_PREFIX} … ${LONGEST_PREFIX} bits`);
  }
  const address = gateway === undefined ? undefined : parseIpv4(gateway);
  if (address !== undefined && !isHostAddress(address, range)) {
    log.add([...path, 'gateway'], gateway, `is no host address in \`${subnet}\``);
  }
  return range;
}

function checkStaticAddresses(spec: StackSpec, ranges: ReadonlyMap<string, Ipv4Range>, log: IssueLog): void {
  const holders = new Map<string, string>();
  for (const [name, service] of Object.entries(spec.services)) {
    for (const { network, ipv4Address } of service.networks) {
      if (ipv4Address === undefined) continue;
      const wrong = (message: string) => log.add(['services', name, 'networks', network, 'ipv4Address'], ipv4Address, message);
      const range = ranges.get(network);
      const address = parseIpv4(ipv4Address);
      const holder = holders.get(`${network} ${ipv4Address}`);
      const gateway = range === undefined ? undefined : (spec.networks[network]?.gateway ?? formatIpv4(range.first + 1));
      if (service.replicas > 1) wrong(`cannot be the address of ${service.replicas} replicas`);
      if (range === undefined) wrong(`needs a \`subnet\` in network \`${network}\``);
      else if (address === undefined || !isHostAddress(address, range))
        wrong(`is no host address in \`${spec.networks[network]?.subnet}\``);
      else if (ipv4Address === gateway) wrong(`is the gateway of network \`${network}\``);
      if (holder !== undefined) wrong(`is the address of \`${holder}\``);
      holders.set(`${network} ${ipv4Address}`, name);
    }
  }
}

function isHostAddress(address: number, range: Ipv4Range): boolean {
  return address > range.first && address < range.last;
}
