/** Who is called what on the networks of a stack. */
import type { NamedMember, NameTable } from '../model/names.ts';
import type { LowerContext } from './lower.ts';
import { containersOf } from './replicas.ts';

export function lowerNames({ spec, stack, allocation, gateways, gateways6 }: LowerContext): NameTable {
  const containers = containersOf(spec);
  const networks = Object.keys(spec.networks).map((network) => {
    const members = containers.flatMap(({ name, serviceName, service }): NamedMember[] => {
      const attachment = service.networks.find((one) => one.network === network);
      const addresses = [allocation.addresses, allocation.addresses6].flatMap((given) => given[`${name}/${network}`] ?? []);
      if (!attachment || addresses.length === 0) return [];
      // Where a service is called `web-1`, that is what the name means, and not the first container of `web`.
      const short = Object.hasOwn(spec.services, name) ? [] : [name];
      const names = [`${stack.name}-${name}`, ...short, serviceName, ...attachment.aliases].map((text) => text.toLowerCase());
      return [{ container: name, names, addresses }];
    });
    const listen = [gateways, gateways6].flatMap((given) => given[network] ?? []);
    return [network, { listen, members, shared: undefined }] as const;
  });
  return {
    networks: Object.fromEntries(networks),
    clients: Object.fromEntries(
      containers.map(({ name, service }) => [
        name,
        { networks: service.networks.map(({ network }) => network), upstream: service.dns.servers },
      ]),
    ),
  };
}
