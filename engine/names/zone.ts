/** A table of names, put in the order in which it is asked: who asks, by address; names; addresses backwards. Made anew whenever a table changes. */
import type { ContainerName } from '../model/ids.ts';
import type { NamedMember, NameTable } from '../model/names.ts';
import { type RecordTail, recordTail } from './reply.ts';

export interface Zone {
  /** Address → who has it. */
  readonly askers: ReadonlyMap<string, Asker>;
  /** Every name that is known, in lower case. */
  readonly names: ReadonlyMap<string, readonly Bearer[]>;
  /** `2.0.128.10.in-addr.arpa` → who has that address. Of our own bridges: nobody. */
  readonly pointers: ReadonlyMap<string, readonly Bearer[]>;
  /** Our own: nothing is ever forwarded to them. */
  readonly listen: ReadonlySet<string>;
}

export interface Asker {
  /** Undefined: all, which is what the host sees. */
  readonly networks: ReadonlySet<string> | undefined;
  /** Empty: the host's resolvers. */
  readonly upstream: readonly string[];
}

/** A member of a network. */
export interface Bearer {
  readonly network: string;
  /** Undefined: of another stack, which says itself who of it runs. */
  readonly container: ContainerName | undefined;
  readonly a: readonly RecordTail[];
  readonly aaaa: readonly RecordTail[];
  readonly ptr: readonly RecordTail[];
}

/** `foreign`: network → members that other stacks have there. */
export function makeZone({ networks, clients }: NameTable, foreign: Readonly<Record<string, readonly NamedMember[]>> = {}): Zone {
  const askers = new Map<string, Asker>();
  const names = new Map<string, Bearer[]>();
  const pointers = new Map<string, Bearer[]>();
  const listen = new Set<string>();
  const add = (network: string, member: NamedMember, container: ContainerName | undefined): void => {
    const bearer = bearerOf(network, member, container);
    for (const name of new Set(member.names)) append(names, name, bearer);
    for (const address of member.addresses) append(pointers, reverseName(address), bearer);
  };
  for (const [network, { listen: own, members }] of Object.entries(networks)) {
    for (const address of own) {
      listen.add(address);
      askers.set(address, THE_HOST);
      pointers.set(reverseName(address), []);
    }
    for (const member of members) {
      add(network, member, member.container);
      const client = clients[member.container];
      const asker = { networks: new Set(client?.networks ?? [network]), upstream: client?.upstream ?? [] };
      for (const address of member.addresses) askers.set(address, asker);
    }
    for (const member of foreign[network] ?? []) {
      add(network, member, undefined);
      for (const address of member.addresses) askers.set(address, { networks: new Set([network]), upstream: [] });
    }
  }
  return { askers, names, pointers, listen };
}

const THE_HOST: Asker = { networks: undefined, upstream: [] };

function bearerOf(network: string, { names: [canonical = ''], addresses }: NamedMember, container: ContainerName | undefined): Bearer {
  const isIpv6 = (address: string) => address.includes(':');
  return {
    network,
    container,
    a: addresses.filter((address) => !isIpv6(address)).map((data) => recordTail({ type: 'A', data })),
    aaaa: addresses.filter(isIpv6).map((data) => recordTail({ type: 'AAAA', data })),
    ptr: [recordTail({ type: 'PTR', data: canonical })],
  };
}

/** RFC 1035, 3.5, and RFC 3596, 2.5. */
export function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  // The data of the record are the last 16 bytes of it.
  const nibbles = recordTail({ type: 'AAAA', data: address }).subarray(-16).toString('hex');
  return `${[...nibbles].reverse().join('.')}.ip6.arpa`;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
