/** /etc/hosts of a container: itself, and everything on the networks it is on. */
import { type HostsEntry, renderHosts } from '../codec/hosts.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { LowerContext } from './lower.ts';
import { hostsOfHost, joinersOf, networkHolder } from './network-mode.ts';
import { containersOf, type Replica } from './replicas.ts';

export function hostsPath({ facts }: LowerContext, container: string): string {
  return `${facts.hostsDirectory}/${container}`;
}

/** Network → who is on it, with all their names. Made once a stack: each container's file is put together from it. */
export type Neighbours = ReadonlyMap<string, readonly Neighbour[]>;

interface Neighbour extends HostsEntry {
  readonly container: string;
}

export function neighboursOf({ spec, stack, allocation }: LowerContext): Neighbours {
  const result = new Map<string, Neighbour[]>();
  for (const { name, serviceName, service } of containersOf(spec)) {
    for (const { network, aliases } of service.networks) {
      const address = allocation.addresses[`${name}/${network}`];
      if (address === undefined) continue;
      // Where a service is called `web-1`, that is what the name means, and not the first container of `web`.
      const short = Object.hasOwn(spec.services, name) ? [] : [name];
      const neighbour = { container: name, address, names: [...short, `${stack.name}-${name}`, serviceName, ...aliases] };
      const known = result.get(network);
      if (known) known.push(neighbour);
      else result.set(network, [neighbour]);
    }
  }
  return result;
}

/**
 * Own names first, so that the container's hostname leads to an address of its own. A service with several replicas has one
 * line a replica: getaddrinfo returns them all.
 */
export function hostsResource(context: LowerContext, replica: Replica, neighbours: Neighbours): Extract<DesiredResource, { kind: 'file' }> {
  const { name } = replica;
  return {
    kind: 'file',
    id: `file:${context.stack.name}/${name}/hosts`,
    spec: { path: hostsPath(context, name), content: hostsContent(context, replica, neighbours) },
    needs: [],
    within: undefined,
  };
}

/** The names of those that share its network namespace are its own. */
function hostsContent(context: LowerContext, replica: Replica, neighbours: Neighbours): string {
  const { spec, facts } = context;
  const { name, service } = replica;
  const hostname = service.hostname ?? name;
  if (networkHolder(spec, replica)?.service.networkMode.kind === 'host') return hostsOfHost(facts, hostname);
  const visible = service.networks.flatMap(({ network }) => neighbours.get(network) ?? []);
  const joiners = joinersOf(spec, replica).map((joiner) => joiner.service.hostname ?? joiner.name);
  const own = visible
    .filter(({ container }) => container === name)
    .map(({ address, names }) => ({ address, names: [hostname, ...names, ...joiners] }));
  const others = visible.filter(({ container }) => container !== name);
  return renderHosts([...own, ...others]);
}
