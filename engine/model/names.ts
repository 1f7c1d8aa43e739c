/** Who is called what on which network: what the DNS server of a stack answers with. Plain data, made by `plan/lower-names.ts`. */
import type { ContainerName } from './ids.ts';

export interface NameTable {
  readonly networks: Readonly<Record<string, NamedNetwork>>;
  /** Containers of this stack that ask. Who isn't here (a container with the host's network) is on no network. */
  readonly clients: Readonly<Record<ContainerName, NameClient>>;
}

export interface NamedNetwork {
  /** Addresses of the bridge, where the server listens: IPv4, and IPv6 where the network has it. Empty: the bridge isn't this stack's. */
  readonly listen: readonly string[];
  readonly members: readonly NamedMember[];
  /** Of a network that several stacks may be on: the same for all of them (`shop-3f9a1c2e/front`). Undefined: this stack's alone. */
  readonly shared: string | undefined;
}

export interface NamedMember {
  readonly container: ContainerName;
  /** Lower case, the canonical one (`shop-web-1`) first: container name, service name, aliases. Several members may bear one name. */
  readonly names: readonly string[];
  /** IPv4 and IPv6, on this network. */
  readonly addresses: readonly string[];
}

export interface NameClient {
  readonly networks: readonly string[];
  /** Asked for what isn't known here. Empty: the host's resolvers. */
  readonly upstream: readonly string[];
}

export const NO_NAMES: NameTable = { networks: {}, clients: {} };
