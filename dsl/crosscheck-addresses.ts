/** Addresses that services ask for themselves. */
import type { AddressFamily, AddressRange } from './address-family.ts';
import { type IssueLog, isTold } from './issues.ts';
import type { NetworkSpec, StackSpec } from './spec.ts';

interface Check {
  readonly family: AddressFamily;
  readonly log: IssueLog;
}

/** `ranges`: of the networks whose subnets are declared. */
export function checkStaticAddresses(spec: StackSpec, ranges: ReadonlyMap<string, AddressRange>, { family, log }: Check): void {
  const { addressKey } = family;
  const holders = new Map<string, string>();
  for (const [name, service] of Object.entries(spec.services)) {
    for (const { network, [addressKey]: written } of service.networks) {
      const on = spec.networks[network];
      const address = written === undefined ? undefined : family.parse(written);
      if (written === undefined || address === undefined || on === undefined) continue;
      const wrong = (message: string) => log.add(['services', name, 'networks', network, addressKey], written, message);
      const holder = holders.get(`${network} ${written}`);
      if (service.replicas > 1) wrong(`cannot be the address of ${service.replicas} replicas`);
      const why = whyNotIn(on, ranges.get(network), { family, log, address, name: network });
      if (why !== undefined) wrong(why);
      if (holder !== undefined) wrong(`is the address of \`${holder}\``);
      holders.set(`${network} ${written}`, name);
    }
  }
}

/** Undefined: it can be had, or nobody knows here: another stack gives the network its subnet. */
function whyNotIn(
  network: NetworkSpec,
  range: AddressRange | undefined,
  { family, log, address, name }: Check & { readonly address: bigint; readonly name: string },
): string | undefined {
  if (range === undefined) {
    const known =
      network.external?.kind === 'stack' ||
      isTold(log, ['networks', name, ...family.at, 'subnet']) ||
      isTold(log, ['networks', name, 'external']);
    return known ? undefined : `needs a ${family.needs} in network \`${name}\``;
  }
  if (!family.isHostAddress(address, range)) return `is no host address in \`${family.subnetOf(network)}\``;
  const gateway = family.gatewayOf(network) ?? family.format(range.first + 1n);
  return family.parse(gateway) === address ? `is the gateway of network \`${name}\`` : undefined;
}

/** What one bridge or one link of the host carries must differ; elsewhere the same address is another one. */
export function checkMacAddresses(spec: StackSpec, log: IssueLog): void {
  const holders = new Map<string, string>();
  for (const [name, service] of Object.entries(spec.services)) {
    for (const { network, macAddress } of service.networks) {
      if (macAddress === undefined) continue;
      const wrong = (message: string) => log.add(['services', name, 'networks', network, 'macAddress'], macAddress, message);
      const parent = spec.networks[network]?.macvlan?.parent;
      const key = `${parent === undefined ? network : `on ${parent}`} ${macAddress}`;
      const holder = holders.get(key);
      if (service.replicas > 1) wrong(`cannot be the address of ${service.replicas} replicas`);
      if (holder !== undefined) wrong(`is the address of \`${holder}\``);
      holders.set(key, name);
    }
  }
}
