/** What `networks` shows: the networks of stacks that are up, with who is on them. */
import type { ExternalNetworkSpec, NetworkSpec } from '../../dsl/spec.ts';
import { parseNetwork } from '../codec/ip.ts';
import { observeContainers } from '../kernel/containers.ts';
import { observeLinks } from '../kernel/links.ts';
import { openNetworkNamespaces } from '../kernel/network-namespaces.ts';
import type { Allocation } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { NetworkListing, NetworkMember, NetworkSubnet } from '../model/network-listing.ts';
import type { ContainerState, LinkSpec } from '../model/resources.ts';
import { firstAddress } from '../plan/ipam.ts';
import { serviceOfContainer } from '../plan/names.ts';
import { listAllocations } from '../store/allocation.ts';
import { type DesiredState, readDesiredState } from '../store/desired-state.ts';
import { type HostPaths, stackPaths } from '../store/paths.ts';
import { portText } from './listing.ts';

/** What is known of one stack. */
export interface StackView {
  readonly stack: StackIdentity;
  readonly allocation: Allocation;
  readonly state: DesiredState;
  readonly containers: readonly ContainerState[];
}

/** Of all stacks of this host that are up, or of the one with this id. By stack, then name. */
export function listNetworks(host: HostPaths, { bootId, only }: { readonly bootId: string; readonly only?: string }): NetworkListing[] {
  const views = listAllocations(host).flatMap(({ stack, allocation }): StackView[] => {
    const paths = stackPaths(host, stack);
    const state = readDesiredState(paths);
    return state === undefined ? [] : [{ stack, allocation, state, containers: observeContainers(paths.containers, bootId) }];
  });
  const chosen = views.filter(({ stack }) => only === undefined || stack.id === only);
  if (chosen.every(({ state }) => Object.keys(state.spec.networks).length === 0)) return [];
  const links = hostLinks();
  return chosen.flatMap((view) => networksOf(view, views, links));
}

/** ifnames of the links that are on the host now. */
function hostLinks(): ReadonlySet<string> {
  using namespaces = openNetworkNamespaces((name) => {
    throw new Error(`nobody looks into container ${name} here`);
  });
  return new Set(observeLinks(namespaces.host).map(({ ifname }) => ifname));
}

/** Pure. `all`: among them whoever owns, or has joined, networks of `view`. */
export function networksOf(view: StackView, all: readonly StackView[], links: ReadonlySet<string>): NetworkListing[] {
  const { stack, state } = view;
  return Object.keys(state.spec.networks)
    .sort()
    .flatMap((name) => {
      const spec = state.spec.networks[name];
      if (spec === undefined) return [];
      const key = view.allocation.joined[name] ?? `${stack.id}/${name}`;
      const owner = ownerOf(key, all) ?? { view, name, spec };
      const link = linkOf(view, name) ?? linkOf(owner.view, owner.name);
      return {
        name,
        stack: stack.name,
        instance: stack.instance,
        directory: stack.directory,
        driver: owner.spec.driver,
        external: spec.external && externalText(spec.external),
        shared: owner.spec.shared,
        internal: owner.spec.internal,
        hostAccess: owner.spec.hostAccess,
        subnets: subnetsOf(owner),
        mtu: owner.spec.mtu,
        labels: spec.labels,
        link,
        present: link !== undefined && links.has(link),
        members: all.flatMap((other) => membersOf(other, networkWithKey(other, key))),
      };
    });
}

interface OwnedNetwork {
  readonly view: StackView;
  readonly name: string;
  readonly spec: NetworkSpec;
}

/** `key`: `shop-3f9a1c2e/front`. Undefined: the stack isn't up, or it is a link of the host's. */
function ownerOf(key: string, all: readonly StackView[]): OwnedNetwork | undefined {
  const [id, name = ''] = key.split('/');
  const view = all.find(({ stack }) => stack.id === id);
  const spec = view?.state.spec.networks[name];
  return view === undefined || spec === undefined ? undefined : { view, name, spec };
}

/** What a stack calls it; undefined: it isn't on it. */
function networkWithKey({ stack, state, allocation }: StackView, key: string): string | undefined {
  return Object.keys(state.spec.networks).find((name) => (allocation.joined[name] ?? `${stack.id}/${name}`) === key);
}

function externalText(external: ExternalNetworkSpec): string {
  return external.kind === 'bridge' ? `bridge ${external.ifname}` : `${external.stack}/${external.network}`;
}

/** What its containers' links are under, if there is one; that of its own. */
function linkOf({ stack, state }: StackView, network: string): string | undefined {
  const spec = state.spec.networks[network];
  if (spec?.external?.kind === 'bridge') return spec.external.ifname;
  if (spec?.macvlan !== undefined) return spec.macvlan.parent;
  const own = linkWithId(state, `link:${stack.name}/${network}`);
  if (own !== undefined) return own.ifname;
  const attached = state.desired.resources.flatMap(({ kind, id, spec: link }) => {
    return kind === 'link' && id.endsWith(`@${network}`) && 'master' in link ? [link.master] : [];
  });
  return attached[0];
}

function linkWithId({ desired }: DesiredState, id: string): LinkSpec | undefined {
  for (const resource of desired.resources) if (resource.kind === 'link' && resource.id === id) return resource.spec;
  return undefined;
}

function subnetsOf({ view, name, spec }: OwnedNetwork): NetworkSubnet[] {
  const subnet = view.allocation.subnets[name] ?? spec.subnet;
  const subnet6 = view.allocation.subnets6[name] ?? spec.ipv6?.subnet;
  // A link that somebody else made has the gateway that the stack file names, or none that is known.
  const ours = spec.external === undefined && spec.driver === 'bridge';
  const given = (cidr: string | undefined, gateway: string | undefined, ipRange: string | undefined): NetworkSubnet[] =>
    cidr === undefined ? [] : [{ subnet: cidr, gateway: gateway ?? (ours ? firstAddress(parseNetwork(cidr)) : undefined), ipRange }];
  return [...given(subnet, spec.gateway, spec.ipRange), ...given(subnet6, spec.ipv6?.gateway, undefined)];
}

function membersOf({ stack, state, allocation, containers }: StackView, network: string | undefined): NetworkMember[] {
  if (network === undefined) return [];
  const named = state.desired.names.networks[network]?.members ?? [];
  return containers.flatMap(({ name, record, status }) => {
    const addresses = [record?.addresses[network], record?.addresses6?.[network]].filter((address) => address !== undefined);
    if (addresses.length === 0) return [];
    const link = linkWithId(state, `link:${stack.name}/${name}@${network}`);
    return {
      container: `${stack.name}-${name}`,
      stack: stack.name,
      service: record?.service ?? serviceOfContainer(name),
      state: status.state,
      addresses,
      macAddress: link && macOf(link),
      interface: allocation.interfaces[`${name}/${network}`],
      names: named.find(({ container }) => container === name)?.names ?? [],
      ports: (record?.ports ?? []).map(portText),
    };
  });
}

/** Of the container end, or of the macvlan that is in there as a whole. */
function macOf(link: LinkSpec): string | undefined {
  if (link.type === 'veth') return link.peerAddress;
  return link.type === 'macvlan' ? link.address : undefined;
}
