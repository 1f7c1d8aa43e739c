/** What is wrong between subnets, gateways and static addresses. */
import { ADDRESS_FAMILIES, type AddressFamily, type AddressRange, overlap } from './address-family.ts';
import { checkMacAddresses, checkStaticAddresses } from './crosscheck-addresses.ts';
import type { IssueLog, IssuePath } from './issues.ts';
import type { NetworkSpec, StackSpec } from './spec.ts';

export function crosscheckNetworks(spec: StackSpec, log: IssueLog): void {
  for (const family of ADDRESS_FAMILIES) {
    const ranges = new Map<string, AddressRange>();
    for (const [name, network] of Object.entries(spec.networks)) {
      const range = checkSubnet(name, network, { family, log });
      if (range === undefined) continue;
      for (const [other, otherRange] of ranges) {
        if (!overlap(range, otherRange)) continue;
        const theirs = family.subnetOf(spec.networks[other] ?? network);
        log.add(['networks', name, ...family.at, 'subnet'], family.subnetOf(network), `overlaps \`${theirs}\` of network \`${other}\``);
      }
      ranges.set(name, range);
    }
    checkStaticAddresses(spec, ranges, { family, log });
  }
  for (const [name, network] of Object.entries(spec.networks)) checkIpRange(name, network, log);
  checkMacAddresses(spec, log);
}

interface Check {
  readonly family: AddressFamily;
  readonly log: IssueLog;
}

function checkSubnet(name: string, network: NetworkSpec, { family, log }: Check): AddressRange | undefined {
  const path = ['networks', name, ...family.at];
  const { prefixes } = family;
  const subnet = family.subnetOf(network);
  const gateway = family.gatewayOf(network);
  const range = subnet === undefined ? undefined : family.parseRange(subnet);
  if (gateway !== undefined && subnet === undefined) tellMissingSubnet([...path, 'gateway'], gateway, { path, log });
  if (range === undefined) return undefined;
  checkHostBits([...path, 'subnet'], subnet, { range, family, log });
  if (range.prefix > prefixes.longest || range.prefix < prefixes.shortest) {
    log.add([...path, 'subnet'], subnet, `must have a prefix of ${prefixes.shortest} … ${prefixes.longest} bits`);
  }
  for (const [cidr, what] of family.reserved) {
    const reserved = family.parseRange(cidr);
    if (reserved !== undefined && overlap(range, reserved)) log.add([...path, 'subnet'], subnet, `is in \`${cidr}\` (${what})`);
  }
  const address = gateway === undefined ? undefined : family.parse(gateway);
  if (address !== undefined && !family.isHostAddress(address, range)) {
    log.add([...path, 'gateway'], gateway, `is no host address in \`${subnet}\``);
  }
  return range;
}

function checkHostBits(
  path: IssuePath,
  written: string | undefined,
  { range, family, log }: Check & { readonly range: AddressRange },
): void {
  if (range.address === range.first) return;
  log.add(path, written, 'is an address in a subnet', `${family.format(range.first)}/${range.prefix}`);
}

function checkIpRange(name: string, network: NetworkSpec, log: IssueLog): void {
  const [family] = ADDRESS_FAMILIES;
  const { ipRange, subnet } = network;
  const range = ipRange === undefined ? undefined : family?.parseRange(ipRange);
  if (family === undefined || range === undefined) return;
  const path = ['networks', name, 'ipRange'];
  checkHostBits(path, ipRange, { range, family, log });
  const outer = subnet === undefined ? undefined : family.parseRange(subnet);
  if (outer === undefined) tellMissingSubnet(path, ipRange, { path: ['networks', name], log });
  else if (range.first < outer.first || range.last > outer.last) log.add(path, ipRange, `is not within \`${subnet}\``);
}

/** Not if there is one, which is wrong. */
function tellMissingSubnet(at: IssuePath, value: unknown, { path, log }: { readonly path: IssuePath; readonly log: IssueLog }): void {
  const subnet = [...path, 'subnet'];
  const told = log.issues.some((issue) => issue.path.length === subnet.length && subnet.every((key, index) => issue.path[index] === key));
  if (!told) log.add(at, value, 'needs a `subnet` that it is in');
}
