/**
 * /etc/hosts of a container: what must work even while the supervisor is dead, and with it our DNS server. That is the container itself, what
 * the stack file adds, and the services it depends on. All others are the DNS server's: a service more is a change in nobody else's file.
 */
import { groupBy } from '../../dsl/multimap.ts';
import { type HostsEntry, renderHosts } from '../codec/hosts.ts';
import type { NamedMember, NamedNetwork, NameTable } from '../model/names.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { LowerContext } from './lower-context.ts';
import { nameserversOf } from './lower-names.ts';
import { hostsOfHost, joinersOf } from './network-mode.ts';
import { type Replica, replicasOf } from './replicas.ts';

export function hostsPath({ facts }: LowerContext, container: string): string {
  return `${facts.hostsDirectory}/${container}`;
}

/**
 * Own names first, so that the container's hostname leads to an address of its own. A service with several replicas has one
 * line a replica: getaddrinfo returns them all.
 */
export function hostsResource(context: LowerContext, replica: Replica, table: NameTable): Extract<DesiredResource, { kind: 'file' }> {
  const { name } = replica;
  return {
    kind: 'file',
    id: `file:${context.stack.name}/${name}/hosts`,
    spec: { path: hostsPath(context, name), content: hostsContent(context, replica, table) },
    needs: [],
    within: undefined,
  };
}

/** The names of those that share its network namespace are its own. */
function hostsContent(context: LowerContext, replica: Replica, table: NameTable): string {
  const { spec, facts } = context;
  const { name, service } = replica;
  const hostname = service.hostname ?? name;
  const extra = extraEntries(context, replica);
  if (service.networkMode.kind === 'host') return hostsOfHost(facts, hostname, extra);
  const joiners = joinersOf(spec, replica).map((joiner) => joiner.service.hostname ?? joiner.name);
  const visible = service.networks.flatMap(({ network }) => table.networks[network] ?? []);
  const own = visible
    .flatMap((network) => membersOf(network).get(name) ?? [])
    .flatMap((member) => entriesOf(member).map(({ address, names }) => ({ address, names: [hostname, ...names, ...joiners] })));
  const listed = listedFor(context, replica);
  const others = visible.flatMap((network) =>
    listed === 'all'
      ? network.members.filter(({ container }) => container !== name)
      : listed.flatMap((one) => membersOf(network).get(one) ?? []),
  );
  return renderHosts([...own, ...extra, ...others.flatMap(entriesOf)]);
}

/** Without a DNS server of ours: everybody. Else the containers of what it depends on, in the order of the table. */
function listedFor(context: LowerContext, { name, service }: Replica): 'all' | readonly string[] {
  if (context.facts.withoutNameServer.includes(name) || nameserversOf(context, service).length === 0) return 'all';
  const replicas = Object.keys(service.dependsOn)
    .sort()
    .flatMap((dependency) => replicasOf(context.spec, dependency));
  return replicas.map((replica) => replica.name).filter((one) => one !== name);
}

/** By container. Made once a table: each container of a network asks for some of its members. */
function membersOf(network: NamedNetwork): ReadonlyMap<string, readonly NamedMember[]> {
  const known = MEMBERS.get(network);
  if (known) return known;
  const members = groupBy(network.members, ({ container }) => container);
  MEMBERS.set(network, members);
  return members;
}

const MEMBERS = new WeakMap<NamedNetwork, ReadonlyMap<string, readonly NamedMember[]>>();

function entriesOf({ names, addresses }: NamedMember): HostsEntry[] {
  return addresses.map((address) => ({ address, names }));
}

function extraEntries({ gateways, gateways6 }: LowerContext, { service }: Replica): HostsEntry[] {
  const first = service.networks.find(({ network }) => gateways[network] !== undefined)?.network;
  const byNetwork = first === undefined ? [] : [gateways, gateways6].flatMap((given) => given[first] ?? []);
  const host = service.networkMode.kind === 'host' ? ['127.0.0.1'] : byNetwork;
  return Object.entries(service.extraHosts).flatMap(([name, addresses]) =>
    addresses.flatMap((address) => (address === 'host-gateway' ? host : [address])).map((address) => ({ address, names: [name] })),
  );
}
