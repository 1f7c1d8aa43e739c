/** Who has which address on which network. A container keeps what it had as long as it can. */
import { append } from '../../dsl/multimap.ts';
import { ownValue } from '../../dsl/own-value.ts';
import type { NetworkAttachmentSpec, StackSpec } from '../../dsl/spec.ts';
import { formatIp, formatNetwork, rangeHolds } from '../codec/ip.ts';
import type { Allocation } from '../model/facts.ts';
import type { GivenNetwork, GivenSubnet, NetworkContext } from './allocate-networks.ts';
import { addressChooser, addressValue } from './ipam.ts';
import { containersOf } from './replicas.ts';

type Addresses = Readonly<Record<string, string>>;

/** `container/network` → address, of both families. */
export function allocateAddresses(
  spec: StackSpec,
  networks: Readonly<Record<string, GivenNetwork>>,
  context: NetworkContext,
): Pick<Allocation, 'addresses' | 'addresses6'> {
  const members = membersOf(spec);
  const { own } = context.facts;
  const [held, held6] = [byNetwork(own.addresses), byNetwork(own.addresses6)];
  const addresses: Record<string, string> = {};
  const addresses6: Record<string, string> = {};
  for (const [network, given] of Object.entries(networks)) {
    const wanted = members.get(network) ?? [];
    const give = (subnet: GivenSubnet, parts: Pick<Giving, 'fixed' | 'had' | 'held' | 'suggest'>) =>
      giveAddresses({ ...parts, network, given, subnet, wanted }, context);
    Object.assign(
      addresses,
      give(given.ipv4, {
        fixed: ({ ipv4Address }) => ipv4Address,
        had: own.addresses,
        held: held.get(network) ?? [],
        suggest: () => undefined,
      }),
    );
    if (!given.ipv6) continue;
    const { first } = given.ipv4.range;
    const { range } = given.ipv6;
    // The same place in both subnets, so that people know one by the other: 10.128.3.10 and fd00::a.
    const suggest = (key: string) => {
      const address = addresses[key];
      return address === undefined ? undefined : range.first + addressValue(address) - first;
    };
    const had = {
      fixed: ({ ipv6Address }: NetworkAttachmentSpec) => ipv6Address,
      had: own.addresses6,
      held: held6.get(network) ?? [],
      suggest,
    };
    Object.assign(addresses6, give(given.ipv6, had));
  }
  return { addresses, addresses6 };
}

interface Member {
  /** `container/network` */
  readonly key: string;
  readonly container: string;
  readonly attachment: NetworkAttachmentSpec;
}

interface Giving {
  readonly network: string;
  readonly given: GivenNetwork;
  readonly subnet: GivenSubnet;
  readonly wanted: readonly Member[];
  readonly fixed: (attachment: NetworkAttachmentSpec) => string | undefined;
  readonly had: Addresses;
  /** What containers had on this network last time. */
  readonly held: readonly string[];
  readonly suggest: (key: string) => bigint | undefined;
}

function giveAddresses(giving: Giving, context: NetworkContext): Addresses {
  const { subnet, wanted, fixed, had, suggest } = giving;
  const { range, from, gateway } = subnet;
  const foreign = new Set(giving.given.taken.filter((address) => rangeHolds(range, address)).map(addressValue));
  const taken = new Set(gateway === undefined ? foreign : [...foreign, addressValue(gateway)]);
  // What a leaving container holds is the last choice: whoever gets that waits until it has stopped.
  const wary = new Set([...taken, ...giving.held.filter((address) => rangeHolds(range, address)).map(addressValue)]);
  const result: Record<string, string> = {};
  const give = (key: string, value: bigint) => {
    result[key] = formatIp({ family: range.family, value });
    taken.add(value);
    wary.add(value);
  };
  for (const { key, container, attachment } of wanted) {
    const address = fixed(attachment);
    if (address === undefined) continue;
    if (foreign.has(addressValue(address))) context.obstacles.push(takenObstacle(giving, context, { container, address }));
    give(key, addressValue(address));
  }
  for (const { key } of wanted) {
    const kept = ownValue(had, key);
    if (result[key] !== undefined || kept === undefined || !rangeHolds(range, kept) || !rangeHolds(from, kept)) continue;
    if (!taken.has(addressValue(kept))) give(key, addressValue(kept));
  }
  for (const { key } of wanted) {
    const value = result[key] === undefined ? suggest(key) : undefined;
    if (value !== undefined && value > range.first && value <= from.last && !wary.has(value)) give(key, value);
  }
  const [choose, chooseAny] = [addressChooser(range, from, wary), addressChooser(range, from, taken)];
  for (const { key, container } of wanted) {
    if (result[key] !== undefined) continue;
    const value = choose() ?? chooseAny();
    if (value !== undefined) give(key, value);
    else context.obstacles.push(fullObstacle(giving, context, container));
  }
  return result;
}

function takenObstacle({ network }: Giving, { stack }: NetworkContext, { container, address }: { container: string; address: string }) {
  return {
    resource: `container:${stack.name}/${container}`,
    message: `cannot give \`${container}\` the address ${address}: on network \`${network}\` somebody else has it`,
    hint: 'declare another one, or none',
  };
}

function fullObstacle({ network, given, subnet }: Giving, { stack }: NetworkContext, container: string) {
  const larger = `give the network a larger subnet, e.g. networks.${network}.subnet: '10.200.0.0/16'`;
  return {
    resource: `container:${stack.name}/${container}`,
    message: `cannot give \`${container}\` an address: network \`${network}\` (${formatNetwork(subnet.from)}) is full`,
    hint: given.kind === 'own' ? larger : `give it more addresses with networks.${network}.ipRange`,
  };
}

function membersOf(spec: StackSpec): ReadonlyMap<string, readonly Member[]> {
  const members = new Map<string, Member[]>();
  for (const { name, service } of containersOf(spec)) {
    for (const attachment of service.networks) {
      append(members, attachment.network, { key: `${name}/${attachment.network}`, container: name, attachment });
    }
  }
  return members;
}

/** Network → the addresses its containers had last time. */
function byNetwork(addresses: Addresses): ReadonlyMap<string, readonly string[]> {
  const held = new Map<string, string[]>();
  for (const [key, address] of Object.entries(addresses)) append(held, key.slice(key.indexOf('/') + 1), address);
  return held;
}
