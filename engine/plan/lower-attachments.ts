/** A container on a network: a veth whose container end bears the address, and the default route of the first way out. */
import type { DesiredResource, Need, NetnsRef } from '../model/resources.ts';
import { parseCidr } from './ipam.ts';
import type { LowerContext } from './lower.ts';
import { DEFAULT_MTU } from './lower-networks.ts';
import { bridgeName, linkGroup, linkMark, macFromIpv4, vethName } from './names.ts';
import type { Replica } from './replicas.ts';

export function lowerAttachments(context: LowerContext, { name, service }: Replica): DesiredResource[] {
  const wayOut = service.networks.find(({ network }) => !context.spec.networks[network]?.internal)?.network;
  return service.networks.flatMap(({ network }) => lowerAttachment(context, { container: name, network, isWayOut: network === wayOut }));
}

interface Attachment {
  readonly container: string;
  readonly network: string;
  readonly isWayOut: boolean;
}

function lowerAttachment(
  { stack, spec, allocation, gateways }: LowerContext,
  { container, network, isWayOut }: Attachment,
): DesiredResource[] {
  const address = allocation.addresses[`${container}/${network}`];
  const ifname = allocation.interfaces[`${container}/${network}`];
  const subnet = allocation.subnets[network];
  const gateway = gateways[network];
  if (address === undefined || ifname === undefined || subnet === undefined || gateway === undefined) return [];
  const name = `${stack.name}/${container}@${network}`;
  const within = `container:${stack.name}/${container}`;
  const netns: NetnsRef = { in: 'container', container };
  const done = (resource: string): Need => ({ resource, until: 'done' });
  const resources: DesiredResource[] = [
    {
      kind: 'link',
      id: `link:${name}`,
      spec: {
        type: 'veth',
        ifname: vethName(stack, `${container}@${network}`, address),
        ifalias: linkMark(stack, `${container}@${network}`),
        group: linkGroup(stack),
        mtu: spec.networks[network]?.mtu ?? DEFAULT_MTU,
        master: bridgeName(stack, network),
        container,
        peerIfname: ifname,
        peerAddress: macFromIpv4(address),
      },
      needs: [done(within), done(`link:${stack.name}/${network}`)],
      within,
    },
    {
      kind: 'address',
      id: `address:${name}`,
      spec: { netns, ifname, cidr: `${address}/${parseCidr(subnet).prefix}` },
      needs: [done(`link:${name}`)],
      within: `link:${name}`,
    },
  ];
  if (isWayOut) {
    resources.push({
      kind: 'route',
      id: `route:${name}`,
      spec: { netns, destination: 'default', gateway, ifname },
      needs: [done(`address:${name}`)],
      within: `link:${name}`,
    });
  }
  return resources;
}
