/** A stack as a picture has it: services, networks and published ports, and what is between them. Pure, from the spec alone. */
import { bracketed } from '../../dsl/addresses.ts';
import type { NetworkSpec, PortSpec, ServiceSpec, StackSpec } from '../../dsl/spec.ts';

export interface StackGraph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export type NodeKind = 'service' | 'job' | 'network' | 'port' | 'host';

export interface GraphNode {
  /** Unique: `service:web`, `network:front`, `port:web/0`, `host`. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  /** Further lines. */
  readonly details: readonly string[];
  /** Of networks: nothing leads out. */
  readonly internal: boolean;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** A port leads to a service; a service waits for another, has the network of another, or is on a network. */
  readonly kind: 'publishes' | 'depends' | 'shares' | 'joins';
  /** Empty: none. */
  readonly label: string;
}

/** In the order of the stack file; networks on which nobody is are there, too. */
export function stackGraph({ name, services, networks }: StackSpec): StackGraph {
  const members = Object.entries(services);
  const usesHost = members.some(([, { networkMode }]) => networkMode.kind === 'host');
  return {
    name,
    nodes: [
      ...members.flatMap(([service, spec]) => spec.ports.map((port, index) => portNode(service, port, index))),
      ...members.map(([service, spec]) => serviceNode(service, spec)),
      ...Object.entries(networks).map(([network, spec]) => networkNode(network, spec)),
      ...(usesHost ? [{ id: 'host', kind: 'host' as const, label: 'the host’s network', details: [], internal: false }] : []),
    ],
    edges: members.flatMap(([service, spec]) => edgesOf(service, spec)),
  };
}

function serviceNode(name: string, { kind, image, replicas }: ServiceSpec): GraphNode {
  const imageText = 'reference' in image ? image.reference : IMAGES[image.kind];
  const details = [imageText, ...(replicas === 1 ? [] : [`${replicas} replicas`])];
  return { id: `service:${name}`, kind, label: name, details, internal: false };
}

const IMAGES: Readonly<Record<Exclude<ServiceSpec['image']['kind'], 'reference'>, string>> = {
  hostRootfs: 'the host’s userland',
  rootfs: 'a directory',
  archive: 'an archive',
  debian: 'Debian packages',
  build: 'built here',
};

function networkNode(name: string, { driver, macvlan, external, internal, shared, subnet, ipv6 }: NetworkSpec): GraphNode {
  const owner = external?.kind === 'stack' ? `of ${external.stack}/${external.network}` : `bridge ${external?.ifname ?? ''}`;
  const details = [
    ...(external === undefined ? [] : [owner]),
    ...(driver === 'macvlan' ? [`macvlan on ${macvlan?.parent ?? ''}`] : []),
    ...(internal ? ['internal'] : []),
    ...(shared ? ['shared'] : []),
    ...(subnet === undefined ? [] : [subnet]),
    ...(ipv6 === undefined ? [] : [ipv6.subnet ?? 'with IPv6']),
  ];
  return { id: `network:${name}`, kind: 'network', label: name, details, internal };
}

function portNode(service: string, { hostAddresses, hostPorts }: PortSpec, index: number): GraphNode {
  const port = hostPorts === undefined ? 'any port' : [...new Set([hostPorts.first, hostPorts.last])].join('-');
  return { id: `port:${service}/${index}`, kind: 'port', label: `${addressText(hostAddresses)}:${port}`, details: [], internal: false };
}

/** Both families at once have a word of their own. */
function addressText(addresses: readonly string[]): string {
  const all = addresses.join(' ');
  if (all === '127.0.0.1 ::1') return 'localhost';
  if (all === '0.0.0.0 ::') return '*';
  return addresses.map(bracketed).join(', ');
}

function edgesOf(name: string, { ports, dependsOn, networkMode, networks }: ServiceSpec): readonly GraphEdge[] {
  const id = `service:${name}`;
  const shared = networkMode.kind === 'service' ? networkMode.service : undefined;
  return [
    ...ports.map(
      ({ containerPort, protocol }, index): GraphEdge => ({
        ...{ from: `port:${name}/${index}`, to: id },
        ...{ kind: 'publishes', label: `${containerPort}/${protocol}` },
      }),
    ),
    ...Object.entries(dependsOn).flatMap(([on, { condition }]): GraphEdge[] => {
      // That it has its network says as much, unless it waits for more.
      if (on === shared && condition === 'started') return [];
      return [{ from: id, to: `service:${on}`, kind: 'depends', label: condition === 'started' ? '' : condition }];
    }),
    ...(shared === undefined ? [] : [{ from: id, to: `service:${shared}`, kind: 'shares' as const, label: 'has its network' }]),
    ...(networkMode.kind === 'host' ? [{ from: id, to: 'host', kind: 'joins' as const, label: '' }] : []),
    ...networks.map(
      ({ network, aliases }): GraphEdge => ({ from: id, to: `network:${network}`, kind: 'joins', label: aliases.join(', ') }),
    ),
  ];
}
