/** /etc/hosts of a container: itself, and everything on the networks it is on. */
import { type HostsEntry, renderHosts } from '../codec/hosts.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { LowerContext } from './lower.ts';
import { containersOf, type Replica } from './replicas.ts';

export function hostsPath({ facts }: LowerContext, container: string): string {
  return `${facts.hostsDirectory}/${container}`;
}

/**
 * Own names first, so that the container's hostname leads to an address of its own. A service with several replicas has one
 * line a replica: getaddrinfo returns them all.
 */
export function hostsResource(context: LowerContext, replica: Replica): Extract<DesiredResource, { kind: 'file' }> {
  const { spec, stack, allocation } = context;
  const own: HostsEntry[] = [];
  const others: HostsEntry[] = [];
  for (const { network } of replica.service.networks) {
    for (const peer of containersOf(spec)) {
      const attachment = peer.service.networks.find((candidate) => candidate.network === network);
      const address = allocation.addresses[`${peer.name}/${network}`];
      if (!attachment || address === undefined) continue;
      const names = [peer.name, `${stack.name}-${peer.name}`, peer.serviceName, ...attachment.aliases];
      if (peer.name !== replica.name) others.push({ address, names });
      else own.push({ address, names: [replica.service.hostname ?? peer.name, ...names] });
    }
  }
  return {
    kind: 'file',
    id: `file:${stack.name}/${replica.name}/hosts`,
    spec: { path: hostsPath(context, replica.name), content: renderHosts([...own, ...others].map(unique)) },
    needs: [],
    within: undefined,
  };
}

function unique({ address, names }: HostsEntry): HostsEntry {
  return { address, names: [...new Set(names)] };
}
