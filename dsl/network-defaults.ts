/** What holds where a stack file says nothing about a network. */
import type { NetworkAttachmentSpec, NetworkSpec } from './spec.ts';

/** Of `default` where nobody declares it. */
export const PLAIN_NETWORK: NetworkSpec = {
  driver: 'bridge',
  macvlan: undefined,
  external: undefined,
  shared: false,
  internal: false,
  hostAccess: false,
  subnet: undefined,
  gateway: undefined,
  ipRange: undefined,
  ipv6: undefined,
  mtu: undefined,
  labels: {},
};

export function plainAttachment(network: string): NetworkAttachmentSpec {
  return { network, aliases: [], ipv4Address: undefined, ipv6Address: undefined, macAddress: undefined };
}
