/** Networks: a bridge each, its address, and the sysctls that let it forward. */
import type { PortSpec } from '../../dsl/spec.ts';
import type { DesiredResource } from '../model/resources.ts';
import { parseCidr } from './ipam.ts';
import type { LowerContext } from './lower.ts';
import { bridgeName, linkGroup, linkMark } from './names.ts';

/** ETH_DATA_LEN of linux/if_ether.h, what the kernel gives bridges and veths. Named, so that an `mtu` taken out of the stack file is taken back. */
export const DEFAULT_MTU = 1500;

export function lowerNetworks(context: LowerContext): DesiredResource[] {
  const networks = Object.keys(context.spec.networks).sort();
  if (networks.length === 0) return [];
  return [...networks.flatMap((network) => lowerNetwork(context, network)), forwarding(context)];
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}

/** Networks through which a port on a loopback address leads into a container. */
export function loopbackPublished(context: LowerContext): ReadonlySet<string> {
  const result = new Set<string>();
  for (const service of Object.values(context.spec.services)) {
    const network = publishingNetwork(context, service);
    if (network !== undefined && service.replicas > 0 && service.ports.some(({ hostAddresses }) => hostAddresses.some(isLoopback)))
      result.add(network);
  }
  return result;
}

/** Published ports lead to a container's address on its first network that isn't internal, else on its first. */
export function publishingNetwork(
  { spec }: LowerContext,
  service: { readonly networks: readonly { readonly network: string }[]; readonly ports: readonly PortSpec[] },
): string | undefined {
  if (service.ports.length === 0) return undefined;
  const names = service.networks.map(({ network }) => network);
  return names.find((name) => !spec.networks[name]?.internal) ?? names[0];
}

function lowerNetwork(context: LowerContext, network: string): DesiredResource[] {
  const { stack, spec, allocation, gateways } = context;
  const ifname = bridgeName(stack, network);
  const linkId = `link:${stack.name}/${network}`;
  const subnet = allocation.subnets[network];
  const gateway = gateways[network];
  if (subnet === undefined || gateway === undefined) return [];
  const resources: DesiredResource[] = [
    {
      kind: 'link',
      id: linkId,
      spec: {
        type: 'bridge',
        ifname,
        ifalias: linkMark(stack, network),
        group: linkGroup(stack),
        mtu: spec.networks[network]?.mtu ?? DEFAULT_MTU,
      },
      needs: [],
      within: undefined,
    },
    {
      kind: 'address',
      id: `address:${stack.name}/${network}`,
      spec: { netns: { in: 'host' }, ifname, cidr: `${gateway}/${parseCidr(subnet).prefix}` },
      needs: [{ resource: linkId, until: 'done' }],
      within: linkId,
    },
  ];
  if (loopbackPublished(context).has(network)) resources.push(routeLocalnet(stack.name, { network, ifname, linkId }));
  return resources;
}

/**
 * Lets packets from 127.0.0.0/8 leave by the bridge (ip-sysctl.rst, route_localnet), which a port published on loopback needs.
 * What it would open towards the host, the chain in INPUT closes.
 */
function routeLocalnet(
  stackName: string,
  { network, ifname, linkId }: { network: string; ifname: string; linkId: string },
): DesiredResource {
  return {
    kind: 'sysctl',
    id: `sysctl:${stackName}/${network}/route_localnet`,
    spec: { path: `net/ipv4/conf/${ifname}/route_localnet`, value: '1' },
    needs: [{ resource: linkId, until: 'done' }],
    within: linkId,
  };
}

function forwarding({ stack }: LowerContext): DesiredResource {
  return {
    kind: 'sysctl',
    id: `sysctl:${stack.name}/ip_forward`,
    spec: { path: 'net/ipv4/ip_forward', value: '1' },
    needs: [],
    within: undefined,
  };
}
