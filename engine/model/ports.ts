/** Published ports, as they were given out. */
import type { PublishedPort } from '../../dsl/spec.ts';
import type { ContainerName } from './ids.ts';

/** A published port with where it leads. */
export interface PortLead extends PublishedPort {
  readonly service: string;
  /** One a replica: addresses of the family of `hostAddress` if the network has it, else of the other one. */
  readonly targets: readonly PortTarget[];
  /**
   * `kernel`: the firewall leads there, and the supervisor only holds the port. `proxy`: the supervisor passes bytes on, because the
   * kernel can't: from ::1 nothing leaves the host (there is no route_localnet for IPv6), and no NAT leads from IPv6 to IPv4.
   * Nor from 127.0.0.1 where the bridge is one that others make.
   */
  readonly by: 'kernel' | 'proxy';
}

export interface PortTarget {
  readonly container: ContainerName;
  readonly address: string;
}
