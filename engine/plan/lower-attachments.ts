/** A container on a network: a link whose end in there bears the addresses, and the default routes of the first way out. */
import type { DesiredResource, LinkSpec, Need, NetnsRef } from '../model/resources.ts';
import type { GivenNetwork, GivenSubnet } from './allocate-networks.ts';
import type { LowerContext } from './lower-context.ts';
import { publishingNetwork } from './lower-networks.ts';
import { linkGroup, linkMark, macFromIpv4, vethName } from './names.ts';
import type { Replica } from './replicas.ts';

export function lowerAttachments(context: LowerContext, replica: Replica): DesiredResource[] {
  const { networks } = replica.service;
  // One default route of each family: through the first network that isn't internal and has a gateway.
  const wayOut = (family: 'ipv4' | 'ipv6') =>
    networks.find(({ network }) => {
      const given = context.networks[network];
      return given && !given.internal && given[family]?.gateway !== undefined;
    })?.network;
  const ways = { ipv4: wayOut('ipv4'), ipv6: wayOut('ipv6') };
  return networks.flatMap((attachment) => {
    const given = context.networks[attachment.network];
    return given ? lowerAttachment(context, { replica, attachment, given, ways }) : [];
  });
}

interface Attachment {
  readonly replica: Replica;
  readonly attachment: Replica['service']['networks'][number];
  readonly given: GivenNetwork;
  readonly ways: { readonly ipv4: string | undefined; readonly ipv6: string | undefined };
}

function lowerAttachment(context: LowerContext, parts: Attachment): DesiredResource[] {
  const { stack, allocation } = context;
  const { replica, attachment, given, ways } = parts;
  const { network } = attachment;
  const container = replica.name;
  const key = `${container}/${network}`;
  const address = allocation.addresses[key];
  const ifname = allocation.interfaces[key];
  if (address === undefined || ifname === undefined) return [];
  const name = `${stack.name}/${container}@${network}`;
  const within = `container:${stack.name}/${container}`;
  const done = (resource: string): Need => ({ resource, until: 'done' });
  const onLink = { container, ifname, link: `link:${name}` };
  const address6 = allocation.addresses6[key];
  return [
    {
      kind: 'link',
      id: onLink.link,
      spec: linkSpec(context, parts, { address, ifname }),
      needs: given.kind === 'own' ? [done(within), done(`link:${stack.name}/${network}`)] : [done(within)],
      within,
    },
    ...lowerAddress({ ...onLink, suffix: name, subnet: given.ipv4, address, isWayOut: ways.ipv4 === network }),
    ...(given.ipv6 && address6 !== undefined
      ? lowerAddress({ ...onLink, suffix: `${name}/6`, subnet: given.ipv6, address: address6, isWayOut: ways.ipv6 === network })
      : []),
  ];
}

function linkSpec(
  context: LowerContext,
  { replica, attachment, given }: Attachment,
  { address, ifname }: { readonly address: string; readonly ifname: string },
): LinkSpec {
  const { stack, spec } = context;
  const { network, macAddress } = attachment;
  const container = replica.name;
  const attached = `${container}@${network}`;
  const marked = { ifalias: linkMark(stack, attached), group: linkGroup(stack), mtu: given.mtu };
  const macvlan = given.kind === 'macvlan' ? spec.networks[network]?.macvlan : undefined;
  const mac = macAddress ?? macFromIpv4(address);
  if (macvlan) return { type: 'macvlan', ifname, ...marked, ...macvlan, container, address: mac };
  return {
    type: 'veth',
    // The link is another one, too, where it has another MAC address.
    ifname: vethName(stack, attached, macAddress === undefined ? address : `${address} ${macAddress}`),
    ...marked,
    master: given.bridge ?? '',
    container,
    peerIfname: ifname,
    peerAddress: mac,
    hairpin: publishingNetwork(context, replica.service) === network,
  };
}

interface OnLink {
  readonly container: string;
  readonly ifname: string;
  readonly link: string;
  /** What its ids end with: `shop/web-1@front`, and of IPv6 `shop/web-1@front/6`. */
  readonly suffix: string;
  readonly subnet: GivenSubnet;
  readonly address: string;
  readonly isWayOut: boolean;
}

function lowerAddress({ container, ifname, link, suffix, subnet, address, isWayOut }: OnLink): DesiredResource[] {
  const netns: NetnsRef = { in: 'container', container };
  const resources: DesiredResource[] = [
    {
      kind: 'address',
      id: `address:${suffix}`,
      spec: { netns, ifname, cidr: `${address}/${subnet.range.prefix}` },
      needs: [{ resource: link, until: 'done' }],
      within: link,
    },
  ];
  if (isWayOut && subnet.gateway !== undefined) {
    resources.push({
      kind: 'route',
      id: `route:${suffix}`,
      spec: { netns, destination: 'default', gateway: subnet.gateway, ifname },
      needs: [{ resource: `address:${suffix}`, until: 'done' }],
      within: link,
    });
  }
  return resources;
}
