/** A service's replicas: cgroup, hosts file, namespaces and root filesystem, links, and the process that runs in all of it. */
import type { ServiceSpec } from '../../dsl/spec.ts';
import { cgroupDirectories } from '../codec/cgroup-layout.ts';
import { cgroupWrites, unsupportedLimits } from '../codec/cgroup-writes.ts';
import type { ContainerRecord } from '../model/container.ts';
import type { BindSource } from '../model/facts.ts';
import type { LaunchSpec } from '../model/launch.ts';
import type { NameTable } from '../model/names.ts';
import type { Notice } from '../model/plan.ts';
import type { DesiredResource, Need } from '../model/resources.ts';
import { type Born, configHash } from './config-hash.ts';
import { imageKey } from './image-key.ts';
import { mountsOf } from './image-volumes.ts';
import { lowerAttachments } from './lower-attachments.ts';
import type { LowerContext } from './lower-context.ts';
import { firewallIds } from './lower-firewall.ts';
import { hostsResource } from './lower-hosts.ts';
import { lowerLaunch } from './lower-launch.ts';
import { publishedPorts } from './lower-ports.ts';
import { resolvConfResource } from './lower-resolv-conf.ts';
import { cgroupPath } from './names.ts';
import { joinedContainer } from './network-mode.ts';
import { containersOf, type Replica, replicasOf } from './replicas.ts';
import { DEFAULT_STOP_SIGNAL } from './signals.ts';

export function lowerContainers(context: LowerContext, names: NameTable): { resources: DesiredResource[]; notices: Notice[] } {
  const notices: Notice[] = [];
  const resources = containersOf(context.spec).flatMap((replica) => lowerReplica(context, replica, names));
  for (const [name, service] of Object.entries(context.spec.services)) {
    for (const what of unsupportedLimits(service.limits, context.facts.cgroups)) {
      notices.push({ resource: undefined, message: `service \`${name}\`: this host cannot enforce limits.${what}` });
    }
  }
  return { resources, notices };
}

function lowerReplica(context: LowerContext, replica: Replica, names: NameTable): DesiredResource[] {
  const { stack } = context;
  const { name, service } = replica;
  const containerId = `container:${stack.name}/${name}`;
  const cgroupId = `cgroup:${stack.name}/${name}`;
  const attachments = lowerAttachments(context, replica);
  const joined = joinedContainer(context.spec, replica);
  // Names mean what they mean in the network that it is in.
  const files = joined ? [] : [hostsResource(context, replica, names), resolvConfResource(context, replica)];
  const record = lowerRecord(context, replica);
  const done = (resource: string): Need => ({ resource, until: 'done' });
  const volumes = mountsOf(context, replica).flatMap((mount) =>
    mount.type === 'volume' ? [done(`volume:${stack.name}/${mount.source}`)] : [],
  );
  return [
    {
      kind: 'cgroup',
      id: cgroupId,
      spec: {
        path: cgroupPath(stack, name),
        limits: service.limits,
        writes: cgroupWrites(service.limits, context.facts.cgroups),
      },
      needs: [],
      within: undefined,
    },
    ...files,
    {
      kind: 'container',
      id: containerId,
      spec: { name, record },
      needs: [done(cgroupId), ...files.map(({ id }) => done(id)), ...joinNeeds(context, joined), ...volumes],
      within: undefined,
    },
    ...attachments,
    {
      kind: 'process',
      id: `process:${stack.name}/${name}`,
      spec: { name, stopSignal: service.stopSignal ?? DEFAULT_STOP_SIGNAL, stopGracePeriodMs: service.stopGracePeriodMs },
      needs: [
        done(containerId),
        ...attachments.map(({ id }) => done(id)),
        ...service.networks.flatMap(({ network }) => bridgeNeeds(context, network)),
        ...firewallNeeds(context, service),
        ...dependencies(context, replica, joined),
      ],
      within: containerId,
    },
  ];
}

/** The bridge's own addresses, where its way out and its DNS server are, and that firewalld lets it reach them. */
function bridgeNeeds({ stack, gateways6 }: LowerContext, network: string): Need[] {
  const id = `address:${stack.name}/${network}`;
  const zone = `zone:${stack.name}/${network}`;
  return (gateways6[network] === undefined ? [id, zone] : [id, `${id}/6`, zone]).map((resource) => ({ resource, until: 'done' }));
}

/** A process must not run before the rules that keep its networks apart are in place. */
function firewallNeeds(context: LowerContext, service: ServiceSpec): Need[] {
  const { stack, gateways6 } = context;
  if (service.networks.length === 0) return [];
  const ipv6 = service.networks.some(({ network }) => gateways6[network] !== undefined);
  return [
    ...firewallIds(context).map((resource) => ({ resource, until: 'done' as const })),
    { resource: `sysctl:${stack.name}/ip_forward`, until: 'done' },
    ...(ipv6 ? [{ resource: `sysctl:${stack.name}/ipv6_forward`, until: 'done' as const }] : []),
  ];
}

/** Whose network namespace it joins is there before, with the names that are known in it. */
function joinNeeds({ stack }: LowerContext, joined: Replica | undefined): Need[] {
  if (!joined) return [];
  return [
    { resource: `container:${stack.name}/${joined.name}`, until: 'done' },
    { resource: `file:${stack.name}/${joined.name}/hosts`, until: 'done' },
    { resource: `file:${stack.name}/${joined.name}/resolv.conf`, until: 'done' },
  ];
}

/** With the container that it joins a network namespace ends, so that it starts again with that one. */
function dependencies({ spec, stack }: LowerContext, { service }: Replica, joined: Replica | undefined): Need[] {
  const declared = Object.entries(service.dependsOn).flatMap(([name, { condition, restart }]): Need[] =>
    replicasOf(spec, name).map((replica) => ({
      resource: `process:${stack.name}/${replica.name}`,
      until: condition === 'started' ? 'done' : condition,
      restart: restart || name === joined?.serviceName,
    })),
  );
  if (!joined || service.dependsOn[joined.serviceName] !== undefined) return declared;
  return [...declared, { resource: `process:${stack.name}/${joined.name}`, until: 'done', restart: true }];
}

function lowerRecord(context: LowerContext, replica: Replica): ContainerRecord {
  const { facts, stack, allocation } = context;
  const { name, serviceName, index, service } = replica;
  const joined = joinedContainer(context.spec, replica);
  const launch: LaunchSpec = lowerLaunch(context, replica, cgroupDirectories(cgroupPath(stack, name), service.limits, facts.cgroups));
  const image = facts.images[imageKey(service.image)];
  const addresses6 = addressesOf(joined ?? replica, allocation.addresses6);
  const born: Born = { launch, imageDigest: image?.digest ?? '', fileHashes: fileHashes(launch, facts.bindSources) };
  return {
    version: 1,
    name,
    service: serviceName,
    index,
    kind: service.kind,
    rerun: service.rerun,
    configHash: configHash(born),
    imageDigest: born.imageDigest,
    fileHashes: born.fileHashes,
    image: image?.name ?? imageKey(service.image),
    launch,
    stopSignal: service.stopSignal ?? DEFAULT_STOP_SIGNAL,
    stopGracePeriodMs: service.stopGracePeriodMs,
    restart: service.restart,
    healthcheck: service.healthcheck,
    ports: publishedPorts(context, serviceName, service),
    addresses: addressesOf(joined ?? replica, allocation.addresses),
    ...(Object.keys(addresses6).length > 0 ? { addresses6 } : {}),
    labels: service.labels,
    dependsOn: [...new Set([...Object.keys(service.dependsOn), ...(joined ? [joined.serviceName] : [])])].sort(),
    hooks: service.hooks,
    update: service.update,
  };
}

/** Network → address. */
function addressesOf({ name, service }: Replica, given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    service.networks.flatMap(({ network }) => {
      const address = given[`${name}/${network}`];
      return address === undefined ? [] : [[network, address]];
    }),
  );
}

function fileHashes({ mounts }: LaunchSpec, sources: Readonly<Record<string, BindSource>>): Record<string, string> {
  return Object.fromEntries(
    mounts.flatMap((mount) => {
      const source = mount.type === 'bind' ? sources[mount.source] : undefined;
      return mount.type === 'bind' && source?.kind === 'file' ? [[mount.source, source.hash]] : [];
    }),
  );
}
