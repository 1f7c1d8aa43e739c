/** Networks: a bridge each, its addresses, and the sysctls that let it forward. */
import { isLoopback4 } from '../../dsl/addresses.ts';
import type { PortSpec } from '../../dsl/spec.ts';
import type { Notice } from '../model/plan.ts';
import type { DesiredResource } from '../model/resources.ts';
import type { GivenNetwork } from './allocate-networks.ts';
import type { LowerContext } from './lower-context.ts';
import { linkGroup, linkMark } from './names.ts';

export function lowerNetworks(context: LowerContext): DesiredResource[] {
  const names = Object.keys(context.networks).sort();
  const onLoopback = loopbackPublished(context);
  return [
    ...names.flatMap((network) => {
      const given = context.networks[network];
      return given?.kind === 'own' ? lowerNetwork(context, { network, given, onLoopback: onLoopback.has(network) }) : [];
    }),
    ...forwarding(context),
  ];
}

/**
 * Networks through which a port leads into a container from the host's loopback, be it published there or on all addresses. Bridges of others
 * stay as they are: there the supervisor passes on what comes to the loopback.
 */
export function loopbackPublished(context: LowerContext): ReadonlySet<string> {
  const result = new Set<string>();
  for (const service of Object.values(context.spec.services)) {
    const network = publishingNetwork(context, service);
    if (network === undefined || service.replicas === 0 || context.networks[network]?.kind !== 'own') continue;
    if (service.ports.some(({ hostAddresses }) => hostAddresses.some((address) => isLoopback4(address) || address === '0.0.0.0')))
      result.add(network);
  }
  return result;
}

/**
 * Published ports lead to a container's address on its first network that isn't internal, else on its first. Not by macvlan: the kernel
 * passes nothing between it and the link that it is on.
 */
export function publishingNetwork(
  { spec }: Pick<LowerContext, 'spec'>,
  service: { readonly networks: readonly { readonly network: string }[]; readonly ports: readonly PortSpec[] },
): string | undefined {
  if (service.ports.length === 0) return undefined;
  const names = service.networks.map(({ network }) => network).filter((name) => spec.networks[name]?.driver === 'bridge');
  return names.find((name) => !spec.networks[name]?.internal) ?? names[0];
}

interface OwnNetwork {
  readonly network: string;
  readonly given: GivenNetwork;
  readonly onLoopback: boolean;
}

function lowerNetwork({ stack }: LowerContext, { network, given, onLoopback }: OwnNetwork): DesiredResource[] {
  const { bridge: ifname = '', mtu, ipv4, ipv6 } = given;
  const linkId = `link:${stack.name}/${network}`;
  const onLink = { needs: [{ resource: linkId, until: 'done' as const }], within: linkId };
  const address = (id: string, gateway: string | undefined, prefix: number): DesiredResource => ({
    kind: 'address',
    id,
    spec: { netns: { in: 'host' }, ifname, cidr: `${gateway}/${prefix}` },
    ...onLink,
  });
  const resources: DesiredResource[] = [
    {
      kind: 'link',
      id: linkId,
      spec: { type: 'bridge', ifname, ifalias: linkMark(stack, network), group: linkGroup(stack), mtu },
      needs: [],
      within: undefined,
    },
    address(`address:${stack.name}/${network}`, ipv4.gateway, ipv4.range.prefix),
  ];
  // firewalld refuses what it doesn't know, and no rule of ours can accept that.
  resources.push({ kind: 'zone', id: `zone:${stack.name}/${network}`, spec: { ifname }, needs: onLink.needs, within: undefined });
  if (ipv6) {
    resources.push(address(`address:${stack.name}/${network}/6`, ipv6.gateway, ipv6.range.prefix));
    // Who asks for a neighbour on behalf of an address that isn't the bridge's own, as for all that comes to a published port, asks from the
    // link-local one, or not at all (ndisc_send_ns). The bridge gives itself none.
    resources.push(address(`address:${stack.name}/${network}/link-local`, 'fe80::1', 64));
  }
  // Lets packets from 127.0.0.0/8 leave by the bridge (ip-sysctl.rst, route_localnet), which a port published on loopback needs. What it
  // would open towards the host, the chain in INPUT closes.
  const localnet = { path: `net/ipv4/conf/${ifname}/route_localnet`, value: '1' };
  if (onLoopback) resources.push({ kind: 'sysctl', id: `sysctl:${stack.name}/${network}/route_localnet`, spec: localnet, ...onLink });
  return resources;
}

/** Of each family that a bridge of this stack has. */
function forwarding(context: LowerContext): DesiredResource[] {
  const { stack } = context;
  const bridges = Object.values(context.networks).filter(({ kind }) => kind === 'own');
  const sysctl = (name: string, path: string, value: string, needs: readonly string[] = []): DesiredResource => ({
    kind: 'sysctl',
    id: `sysctl:${stack.name}/${name}`,
    spec: { path, value },
    needs: needs.map((resource) => ({ resource, until: 'done' })),
    within: undefined,
  });
  const accepting = keptAdvertisements(context).map((ifname) => sysctl(`accept_ra/${ifname}`, `net/ipv6/conf/${ifname}/accept_ra`, '2'));
  return [
    ...(bridges.length > 0 ? [sysctl('ip_forward', 'net/ipv4/ip_forward', '1')] : []),
    ...accepting,
    ...(bridges.some(({ ipv6 }) => ipv6)
      ? [
          sysctl(
            'ipv6_forward',
            'net/ipv6/conf/all/forwarding',
            '1',
            accepting.map(({ id }) => id),
          ),
        ]
      : []),
  ];
}

/** Links that would lose the routes that routers have advertised, the host's default route among them, once this host forwards IPv6. */
function keptAdvertisements({ networks, facts }: LowerContext): readonly string[] {
  return Object.values(networks).some(({ kind, ipv6 }) => kind === 'own' && ipv6) ? facts.advertisedLinks : [];
}

export function networkNotices(context: LowerContext): Notice[] {
  return keptAdvertisements(context).map((ifname) => ({
    resource: `sysctl:${context.stack.name}/accept_ra/${ifname}`,
    message:
      `net.ipv6.conf.${ifname}.accept_ra becomes 2: a host that forwards IPv6, as this one is about to, ` +
      `drops the routes that routers advertise, the default route through \`${ifname}\` among them, if it is 1`,
  }));
}
