/** Published ports, from what is declared to what was given out and where it leads. */
import { isIpv6, isLoopback4 } from '../../dsl/addresses.ts';
import type { PublishedPort, ServiceSpec } from '../../dsl/spec.ts';
import type { PortLead, PortTarget } from '../model/ports.ts';
import { portKey } from './allocate-ports.ts';
import type { LowerContext } from './lower-context.ts';
import { publishingNetwork } from './lower-networks.ts';
import { replicasOf } from './replicas.ts';

export function lowerPorts(context: LowerContext): PortLead[] {
  const { spec, allocation } = context;
  return Object.keys(spec.services)
    .sort()
    .flatMap((serviceName) => {
      const service = spec.services[serviceName];
      const network = service && publishingNetwork(context, service);
      if (!service || network === undefined || service.replicas === 0) return [];
      const targetsOf = (addresses: Readonly<Record<string, string>>): PortTarget[] =>
        replicasOf(spec, serviceName).flatMap(({ name }) => {
          const address = addresses[`${name}/${network}`];
          return address === undefined ? [] : [{ container: name, address }];
        });
      const ipv4 = targetsOf(allocation.addresses);
      const ipv6 = targetsOf(allocation.addresses6);
      return publishedPorts(context, serviceName, service).map((port): PortLead => {
        const lead = { ...port, service: serviceName };
        // From 127.0.0.1 packets leave by a bridge that says so (route_localnet): others' don't.
        const onForeignLoopback = isLoopback4(port.hostAddress) && context.networks[network]?.kind !== 'own';
        if (!isIpv6(port.hostAddress)) return { ...lead, targets: ipv4, by: onForeignLoopback ? 'proxy' : 'kernel' };
        const leads = port.hostAddress !== '::1' && ipv6.length > 0;
        return leads ? { ...lead, targets: ipv6, by: 'kernel' } : { ...lead, targets: ipv4, by: 'proxy' };
      });
    });
}

/** Each declared port on each of its addresses that it was given, with its host port. */
export function publishedPorts(
  { allocation }: Pick<LowerContext, 'allocation'>,
  serviceName: string,
  { ports }: Pick<ServiceSpec, 'ports'>,
): PublishedPort[] {
  return ports.flatMap((port, index) => {
    const hostPort = allocation.hostPorts[portKey(serviceName, ports, index)] ?? port.hostPorts?.first;
    if (hostPort === undefined) return [];
    const { containerPort, protocol } = port;
    return port.hostAddresses
      .filter((hostAddress) => allocation.ports[`${protocol} ${hostAddress}:${hostPort}`] === serviceName)
      .map((hostAddress) => ({ hostAddress, hostPort, containerPort, protocol }));
  });
}
