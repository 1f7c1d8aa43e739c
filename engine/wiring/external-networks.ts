/** Networks that others make: as they are now, and whether this stack may join them. */
import { isIpv6 } from '../../dsl/addresses.ts';
import { ownValue } from '../../dsl/own-value.ts';
import type { ExternalNetworkSpec, NetworkSpec, StackSpec } from '../../dsl/spec.ts';
import { formatNetwork, parseNetwork } from '../codec/ip.ts';
import { observeAddresses } from '../kernel/addresses.ts';
import { observeLinks } from '../kernel/links.ts';
import type { ExternalNetwork, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { AddressState, LinkState } from '../model/resources.ts';
import { nameFromMark } from '../plan/names.ts';
import { listAllocations } from '../store/allocation.ts';
import { readDesiredState } from '../store/desired-state.ts';
import type { NetworkClaims } from '../store/network-claims.ts';
import { stackPaths } from '../store/paths.ts';
import type { Session } from './session.ts';

type Externals = Pick<HostFacts, 'externals' | 'refusedExternals'>;
type Refusal = HostFacts['refusedExternals'][string];

/**
 * Asks the kernel and the files of other stacks, without waiting: under the host's lock, so that nobody changes them meanwhile. With `claims`,
 * shared networks that are found stay until these end.
 */
export function gatherExternals({ networks }: StackSpec, session: Session, claims?: NetworkClaims): Externals {
  const externals: Record<string, ExternalNetwork> = {};
  const refusedExternals: Record<string, Refusal> = {};
  const wanted = Object.entries(networks).filter(([, { external }]) => external !== undefined);
  if (wanted.length === 0) return { externals, refusedExternals };
  const { host } = session.namespaces;
  const world: World = { session, claims, links: observeLinks(host), addresses: observeAddresses(host, { in: 'host' }) };
  for (const [name, network] of wanted) {
    const found = find(network, world);
    if ('why' in found) refusedExternals[name] = found;
    else externals[name] = found;
  }
  return { externals, refusedExternals };
}

interface World {
  readonly session: Session;
  readonly claims: NetworkClaims | undefined;
  readonly links: readonly LinkState[];
  readonly addresses: readonly AddressState[];
}

type Found = ExternalNetwork | Refusal;

function find(network: NetworkSpec, world: World): Found {
  if (network.external?.kind === 'bridge') return findBridge(network.external.ifname, network, world);
  if (network.external?.kind === 'stack') return findShared(network.external, world);
  return { why: 'it is no external network', hint: '' };
}

function findBridge(ifname: string, { subnet, ipv6 }: NetworkSpec, { links, addresses }: World): Found {
  const link = links.find((one) => one.ifname === ifname);
  if (!link) return { why: `this host has no bridge \`${ifname}\``, hint: `make it first, e.g. \`ip link add ${ifname} type bridge\`` };
  if (link.type !== 'bridge')
    return { why: `\`${ifname}\` is a ${link.type || 'link'}, no bridge`, hint: '`ip link show type bridge` lists bridges' };
  if (link.ifalias?.startsWith('tsstack:')) {
    return {
      why: `bridge \`${ifname}\` is a network of a stack (${link.ifalias.slice('tsstack:'.length).replace(/#.*/, '')})`,
      hint: 'join it by its name: external: { stack, network }',
    };
  }
  const { ranges, own } = networksOn(ifname, addresses);
  const ipv4 = subnet ?? ranges.find((cidr) => !isIpv6(cidr));
  if (ipv4 === undefined)
    return { why: `bridge \`${ifname}\` has no IPv4 address that would tell its subnet`, hint: "declare the network's `subnet`" };
  const subnet6 = ipv6?.subnet ?? ranges.find(isIpv6);
  return { bridge: ifname, ...ranged(ipv4, subnet6, own), internal: false, mtu: link.mtu, key: undefined, taken: own };
}

/** What is on a bridge: its subnets, and its own addresses. Link-local ones (RFC 4291, 2.5.6) lead nowhere. */
function networksOn(
  ifname: string,
  addresses: readonly AddressState[],
): { readonly ranges: readonly string[]; readonly own: readonly string[] } {
  const cidrs = addresses.filter((one) => one.ifname === ifname && !/^fe[89ab]/i.test(one.cidr)).map(({ cidr }) => cidr);
  return { ranges: cidrs.map((cidr) => formatNetwork(parseNetwork(cidr))), own: cidrs.map(addressOf) };
}

function addressOf(cidr: string): string {
  return cidr.replace(/\/.*/, '');
}

type Ranged = Pick<ExternalNetwork, 'subnet' | 'gateway' | 'subnet6' | 'gateway6'>;

/** The bridge's own address in a subnet is the way out of it. */
function ranged(subnet: string, subnet6: string | undefined, own: readonly string[]): Ranged {
  const within = (cidr: string) =>
    own.find(
      (address) => isIpv6(address) === isIpv6(cidr) && formatNetwork(parseNetwork(`${address}/${cidr.replace(/.*\//, '')}`)) === cidr,
    );
  return { subnet, gateway: within(subnet), subnet6, gateway6: subnet6 === undefined ? undefined : within(subnet6) };
}

type StackExternal = Extract<ExternalNetworkSpec, { kind: 'stack' }>;

function findShared(external: StackExternal, world: World): Found {
  const owner = findStack(external, world.session);
  if ('why' in owner) return owner;
  const { host } = world.session;
  const who = `stack \`${owner.stack.name}\` in ${owner.stack.directory}`;
  const again = `run \`tsstack up -d\` in ${owner.stack.directory} first`;
  if (world.claims?.join(owner.stack) === false) return { why: `${who} is taking networks of its own down just now`, hint: again };
  const state = readDesiredState(stackPaths(host, owner.stack));
  if (!state) return { why: `${who} is not up`, hint: again };
  const known = state.spec.networks;
  const network = ownValue(known, external.network);
  if (!network) {
    const shared = Object.keys(known).filter((name) => known[name]?.shared);
    const hint =
      shared.length === 0
        ? `networks.NAME.shared: true there lets others join one`
        : `it shares ${shared.map((name) => `\`${name}\``).join(', ')}`;
    return { why: `${who} has no network \`${external.network}\``, hint };
  }
  if (network.external)
    return { why: `network \`${external.network}\` of ${who} is itself one of others`, hint: 'join it where it is made' };
  if (!network.shared || network.driver !== 'bridge') {
    return {
      why: `${who} doesn't share its network \`${external.network}\``,
      hint: `set networks.${external.network}.shared: true there, and bring it up again`,
    };
  }
  const link = world.links.find(({ ifalias, type }) => type === 'bridge' && nameFromMark(owner.stack, ifalias) === external.network);
  const subnet = owner.allocation.subnets[external.network];
  if (!link || subnet === undefined) {
    return { why: `network \`${external.network}\` of ${who} is not up`, hint: again };
  }
  const { own } = networksOn(link.ifname, world.addresses);
  const key = `${owner.stack.id}/${external.network}`;
  const subnet6 = owner.allocation.subnets6[external.network];
  return { bridge: link.ifname, ...ranged(subnet, subnet6, own), internal: network.internal, mtu: link.mtu, key, taken: own };
}

type Owner = ReturnType<typeof listAllocations>[number];

function findStack({ stack: name, directory, instance }: StackExternal, { host, stack }: Session): Owner | Refusal {
  const found = listAllocations(host).filter(
    (one) =>
      one.stack.name === name &&
      one.stack.id !== stack.id &&
      one.stack.instance === instance &&
      (directory === undefined || one.stack.directory === directory),
  );
  const [owner, other] = found;
  const which = `stack \`${name}\`${instance === undefined ? '' : ` (instance \`${instance}\`)`}`;
  if (!owner) {
    const where = directory === undefined ? ' on this host' : ` in ${directory}`;
    return {
      why: `${which} is not up${where}`,
      hint: `run \`tsstack up -d\` ${directory === undefined ? 'where it is' : `in ${directory}`} first`,
    };
  }
  if (!other) return owner;
  return { why: `there is ${which} more than once: ${found.map(whereIs).join(', ')}`, hint: 'say which with `external.directory`' };
}

function whereIs({ stack }: { readonly stack: StackIdentity }): string {
  return `in ${stack.directory}`;
}
