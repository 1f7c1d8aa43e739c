/** Whose network namespace a container has. */
import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { HostsEntry } from '../codec/hosts.ts';
import type { HostFacts } from '../model/facts.ts';
import type { LaunchSpec } from '../model/launch.ts';
import type { Obstacle } from '../model/plan.ts';
import { type Replica, replicasOf } from './replicas.ts';

/**
 * Who has the network that this one is in: itself, unless it says `service:x`, be it through several services. Undefined: the service that
 * is named has no container, or leads back to where it began, which `networkObstacles` tells.
 */
export function networkHolder(spec: StackSpec, replica: Replica): Replica | undefined {
  let holder: Replica | undefined = replica;
  for (const seen = new Set<string>(); holder?.service.networkMode.kind === 'service'; ) {
    if (seen.has(holder.serviceName)) return undefined;
    seen.add(holder.serviceName);
    holder = replicasOf(spec, holder.service.networkMode.service)[0];
  }
  return holder;
}

/** The other container whose network namespace this one joins. Undefined: it has one of its own, or the host's. */
export function joinedContainer(spec: StackSpec, replica: Replica): Replica | undefined {
  const holder = networkHolder(spec, replica);
  return holder === undefined || holder === replica || holder.service.networkMode.kind === 'host' ? undefined : holder;
}

/** Those that have joined the network namespace of this one. */
export function joinersOf(spec: StackSpec, { name }: Replica): readonly Replica[] {
  // Of most stacks none joins anybody: asked of each container, this is not to go through all of them.
  const joining = Object.keys(spec.services).filter((service) => spec.services[service]?.networkMode.kind === 'service');
  const replicas = joining.sort().flatMap((service) => replicasOf(spec, service));
  return replicas.filter((replica) => joinedContainer(spec, replica)?.name === name);
}

export function launchNetwork(spec: StackSpec, replica: Replica): LaunchSpec['network'] {
  const holder = networkHolder(spec, replica);
  if (holder?.service.networkMode.kind === 'host') return { kind: 'host' };
  const joined = joinedContainer(spec, replica);
  return joined && { kind: 'join', container: joined.name };
}

/** Settings of a network namespace are for who has it. */
function isNetworkSysctl(path: string): boolean {
  return /^net[./]/.test(path);
}

export function networkModeObstacles(spec: StackSpec, service: ServiceSpec): readonly Pick<Obstacle, 'message' | 'hint'>[] {
  const { networkMode, sysctls } = service;
  if (networkMode.kind === 'own') return [];
  const whose = networkMode.kind === 'host' ? 'the host' : `\`${networkMode.service}\``;
  const foreign = Object.keys(sysctls).filter(isNetworkSysctl).sort();
  const settings = foreign.map((name) => ({
    message: `sysctl \`${name}\` would change the network of ${whose}, which it shares`,
    hint: networkMode.kind === 'host' ? 'set it on the host' : `set it in the sysctls of ${whose}`,
  }));
  if (networkMode.kind === 'host') return settings;
  const replica = { name: '', serviceName: '', index: 1, service };
  if (networkHolder(spec, replica) !== undefined) return settings;
  return [...settings, { message: `it shares the network of ${whose}, which has no container`, hint: `give ${whose} \`replicas: 1\`` }];
}

/** As the host has it, and the container's own name beside it: Debian's way to have a host without a network of its own find itself. */
export function hostsOfHost({ hostHosts }: HostFacts, hostname: string, extra: readonly HostsEntry[]): string {
  const text = hostHosts === '' || hostHosts.endsWith('\n') ? hostHosts : `${hostHosts}\n`;
  const lines = [{ address: '127.0.1.1', names: [hostname] }, ...extra].map(({ address, names }) => `${address}\t${names.join(' ')}\n`);
  return `${text}${lines.join('')}`;
}
