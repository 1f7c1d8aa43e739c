/** Published ports, from what is declared to what was given out and where it leads. */
import type { PortSpec, PublishedPort, ServiceSpec } from '../../dsl/spec.ts';
import type { PortLead } from '../model/ports.ts';
import type { LowerContext } from './lower.ts';
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
      const targets = replicasOf(spec, serviceName).flatMap(({ name }) => {
        const address = allocation.addresses[`${name}/${network}`];
        return address === undefined ? [] : [{ container: name, address }];
      });
      return publishedPorts(context, serviceName, service).map((port) => ({
        ...port,
        service: serviceName,
        targets,
        by: port.hostAddress.includes(':') ? ('proxy' as const) : ('kernel' as const),
      }));
    });
}

/** Each declared port on each of its addresses, with the host port it was given. */
export function publishedPorts(
  { allocation }: Pick<LowerContext, 'allocation'>,
  serviceName: string,
  { ports }: Pick<ServiceSpec, 'ports'>,
): PublishedPort[] {
  return ports.flatMap((port, index) => {
    const hostPort = allocation.hostPorts[portKey(serviceName, ports, index)] ?? port.hostPorts?.first;
    if (hostPort === undefined) return [];
    const { containerPort, protocol } = port;
    return port.hostAddresses.map((hostAddress) => ({ hostAddress, hostPort, containerPort, protocol }));
  });
}

/** Of `Allocation.hostPorts`: stays the same when other ports come and go. */
export function portKey(serviceName: string, ports: readonly PortSpec[], index: number): string {
  const same = (port: PortSpec | undefined) => `${port?.containerPort}/${port?.protocol}`;
  const before = ports.slice(0, index).filter((port) => same(port) === same(ports[index])).length;
  return `${serviceName} ${same(ports[index])} ${before}`;
}
