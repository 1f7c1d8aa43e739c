/** Who is called what on the networks of a stack, and who is asked for it. */
import { append } from '../../dsl/multimap.ts';
import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { NamedMember, NamedNetwork, NameTable } from '../model/names.ts';
import type { LowerContext } from './lower-context.ts';
import { containersOf } from './replicas.ts';

export function lowerNames(context: LowerContext): NameTable {
  const { spec } = context;
  const members = membersOf(context);
  return {
    networks: Object.fromEntries(
      Object.keys(spec.networks).map((network) => [network, lowerNetwork(context, network, members.get(network) ?? [])]),
    ),
    clients: Object.fromEntries(
      containersOf(spec).map(({ name, service }) => [
        name,
        { networks: networksOf(context, service).map(({ network }) => network), upstream: service.dns.servers },
      ]),
    ),
  };
}

/** Whom a container asks: our server on its first two networks that have one, else another stack's on a network that it has joined. */
export function nameserversOf(context: LowerContext, service: ServiceSpec): readonly string[] {
  const { facts } = context;
  if (!facts.hasNameServer) return [];
  const networks = networksOf(context, service);
  const own = networks.flatMap(({ network }) => listenOn(context, network).slice(0, 1));
  if (own.length > 0) return own.slice(0, 2);
  return networks
    .flatMap(({ network }) => (facts.externals[network]?.key === undefined ? [] : (facts.externals[network].gateway ?? [])))
    .slice(0, 2);
}

/** Those of the network namespace that it is in. */
function networksOf({ spec }: LowerContext, { networkMode, networks }: ServiceSpec): ServiceSpec['networks'] {
  return networkMode.kind === 'service' ? (spec.services[networkMode.service]?.networks ?? []) : networks;
}

function lowerNetwork(context: LowerContext, network: string, members: readonly NamedMember[]): NamedNetwork {
  const { spec, stack, facts } = context;
  const shared = spec.networks[network]?.shared ? `${stack.id}/${network}` : facts.externals[network]?.key;
  return { listen: listenOn(context, network), members, shared };
}

/** Of a bridge that this stack makes. */
function listenOn({ spec, gateways, gateways6 }: LowerContext, network: string): readonly string[] {
  const declared = spec.networks[network];
  if (declared?.driver !== 'bridge' || declared.external) return [];
  return [gateways, gateways6].flatMap((given) => given[network] ?? []);
}

/** By network, in one go through the containers. */
function membersOf({ spec, stack, allocation }: LowerContext): ReadonlyMap<string, readonly NamedMember[]> {
  const members = new Map<string, NamedMember[]>();
  for (const { name, serviceName, service } of containersOf(spec)) {
    // Where a service is called `web-1`, that is what the name means, and not the first container of `web`.
    const short = Object.hasOwn(spec.services, name) ? [] : [name];
    for (const { network, aliases } of service.networks) {
      const addresses = [allocation.addresses, allocation.addresses6].flatMap((given) => given[`${name}/${network}`] ?? []);
      if (addresses.length === 0) continue;
      append(members, network, {
        container: name,
        names: lowerCase(`${stack.name}-${name}`, ...short, serviceName, ...aliases),
        addresses,
      });
    }
  }
  for (const { serviceName, network, aliases } of absent(spec))
    append(members, network, { container: `${serviceName}-1`, names: lowerCase(serviceName, ...aliases), addresses: [] });
  return members;
}

/** Services without containers: their names are known, and nobody bears them. Else those with a dot would be asked of others. */
function absent({
  services,
}: StackSpec): { readonly serviceName: string; readonly network: string; readonly aliases: readonly string[] }[] {
  return Object.keys(services)
    .sort()
    .flatMap((serviceName) => {
      const { replicas = 0, networks = [] } = services[serviceName] ?? {};
      return replicas > 0 ? [] : networks.map(({ network, aliases }) => ({ serviceName, network, aliases }));
    });
}

function lowerCase(...names: readonly string[]): readonly string[] {
  return names.map((name) => name.toLowerCase());
}
