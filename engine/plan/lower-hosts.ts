/**
 * /etc/hosts of a container: what must work even while the supervisor is dead, and with it our DNS server. That is the container itself, what
 * the stack file adds, and the services it depends on. All others are the DNS server's: a service more is a change in nobody else's file.
 */
import { type HostsEntry, renderHosts } from '../codec/hosts.ts';
import type { NamedMember, NameTable } from '../model/names.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { LowerContext } from './lower.ts';
import { nameserversOf } from './lower-names.ts';
import { serviceOfContainer } from './names.ts';
import { hostsOfHost, joinersOf } from './network-mode.ts';
import type { Replica } from './replicas.ts';

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
  const visible = service.networks.flatMap(({ network }) => table.networks[network]?.members ?? []);
  const joiners = joinersOf(spec, replica).map((joiner) => joiner.service.hostname ?? joiner.name);
  const own = visible
    .filter(({ container }) => container === name)
    .flatMap((member) => entriesOf(member).map(({ address, names }) => ({ address, names: [hostname, ...names, ...joiners] })));
  const isListed = listedFor(context, replica);
  const others = visible.filter(({ container }) => container !== name && isListed(container)).flatMap(entriesOf);
  return renderHosts([...own, ...extra, ...others]);
}

/** Without a DNS server of ours: everybody. */
function listedFor(context: LowerContext, { name, service }: Replica): (container: string) => boolean {
  if (context.facts.withoutNameServer.includes(name) || nameserversOf(context, service).length === 0) return () => true;
  return (container) => Object.hasOwn(service.dependsOn, serviceOfContainer(container));
}

function entriesOf({ names, addresses }: NamedMember): HostsEntry[] {
  return addresses.map((address) => ({ address, names }));
}

function extraEntries({ gateways }: LowerContext, { service }: Replica): HostsEntry[] {
  const host = service.networkMode.kind === 'host' ? '127.0.0.1' : service.networks.flatMap(({ network }) => gateways[network] ?? [])[0];
  return Object.entries(service.extraHosts).flatMap(([name, addresses]) =>
    addresses.flatMap((address) => {
      const meant = address === 'host-gateway' ? host : address;
      return meant === undefined ? [] : [{ address: meant, names: [name] }];
    }),
  );
}
