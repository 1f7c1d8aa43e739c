/** Who has which port of the host. */
import { isAnyAddress, isIpv6, socketText } from '../../dsl/addresses.ts';
import { append } from '../../dsl/multimap.ts';
import type { HostFacts, ListeningSocket } from '../model/facts.ts';

export interface PortHolder {
  readonly address: string;
  /** A socket on `::` may take IPv4 as well (ipv6(7), IPV6_V6ONLY): of foreign ones nobody can tell, ours never do. */
  readonly dual: boolean;
  /** `published by …` or `in use by …` */
  readonly how: string;
  readonly hint: string;
}

/** `tcp 8080` → those that have it, on whichever address. */
export type PortHolders = Map<string, PortHolder[]>;

export function portHolders({ others, listening }: Pick<HostFacts, 'others' | 'listening'>): PortHolders {
  const holders: PortHolders = new Map();
  for (const [key, holder] of Object.entries(others.ports)) {
    const [, protocol = '', address = '', port = ''] = /^(tcp|udp) (.*):(\d+)$/.exec(key) ?? [];
    const hint = 'publish another port, or take that stack down';
    append(holders, `${protocol} ${port}`, { address, dual: false, how: `published by ${holder}`, hint });
  }
  for (const socket of listening) append(holders, `${socket.protocol} ${socket.port}`, foreignHolder(socket));
  return holders;
}

function foreignHolder({ address, port, holder }: ListeningSocket): PortHolder {
  return {
    address,
    dual: true,
    how: `in use by ${holder ?? 'another process'}, which listens on ${socketText(address, port)}`,
    hint: `stop that process (\`ss -lptn 'sport = :${port}'\` names it), or publish another port`,
  };
}

/** Whether who has a port on `holder.address` keeps us from having it on `address`. `0.0.0.0` and `::` are all addresses of their family. */
export function meets(address: string, holder: Pick<PortHolder, 'address' | 'dual'>): boolean {
  if (address === holder.address || (holder.dual && holder.address === '::')) return true;
  return isIpv6(address) === isIpv6(holder.address) && (isAnyAddress(address) || isAnyAddress(holder.address));
}
