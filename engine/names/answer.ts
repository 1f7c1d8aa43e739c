/** What is answered to whom. Pure: the zone, who asks, who runs and whose turn it is are arguments. */
import type { ContainerName } from '../model/ids.ts';
import type { Query } from './query.ts';
import { RCODE, type RecordTail, type Reply, recordTail } from './reply.ts';
import type { Asker, Bearer, Zone } from './zone.ts';

export interface Circumstances {
  readonly zone: Zone;
  /** Undefined: an address that nobody has. */
  readonly asker: Asker | undefined;
  readonly isRunning: (container: ContainerName) => boolean;
  /** Goes up by one a query: of several records another one comes first. */
  readonly turn: number;
}

const IN = 1;
const TYPE = { a: 1, ptr: 12, aaaa: 28, ixfr: 251, axfr: 252, any: 255 } as const;

/** `forward`: it is none of ours. Names of the stack, and names of one label, are never that, whoever bears them. */
export function answer(query: Query, { zone, asker, isRunning, turn }: Circumstances): Reply | 'forward' {
  if (query.edns && query.edns.version > 0) return { rcode: RCODE.badVers, records: [] };
  if (!asker || query.type === TYPE.ixfr || query.type === TYPE.axfr) return REFUSED;
  if (query.class !== IN) return REFUSED;
  const bearers = zone.names.get(query.name);
  const holders = zone.pointers.get(query.name);
  if (holders) return found(query.type, visible(holders, asker, isRunning), { pick: pointerOf, turn });
  if (bearers) return found(query.type, visible(bearers, asker, isRunning), { pick: addressesOf, turn });
  if (query.name === 'localhost' || query.name.endsWith('.localhost')) return found(query.type, [LOCALHOST], { pick: addressesOf, turn });
  return query.labels === 1 ? NO_SUCH_NAME : 'forward';
}

function visible(bearers: readonly Bearer[], { networks }: Asker, isRunning: Circumstances['isRunning']): readonly Bearer[] {
  return bearers.filter(({ network, container }) => (networks?.has(network) ?? true) && (container === undefined || isRunning(container)));
}

interface Finding {
  readonly pick: (type: number, bearers: readonly Bearer[]) => readonly RecordTail[];
  readonly turn: number;
}

/** Of a name that there is, another type: none. */
function found(type: number, bearers: readonly Bearer[], { pick, turn }: Finding): Reply {
  if (bearers.length === 0) return NO_SUCH_NAME;
  return { rcode: RCODE.noError, records: rotated(pick(type, bearers), turn) };
}

/** ANY: one kind of record that there is (RFC 8482, 4.1). */
function addressesOf(type: number, bearers: readonly Bearer[]): readonly RecordTail[] {
  const a = type === TYPE.a || type === TYPE.any ? bearers.flatMap((bearer) => bearer.a) : [];
  if (a.length > 0 || type === TYPE.a) return a;
  return type === TYPE.aaaa || type === TYPE.any ? bearers.flatMap((bearer) => bearer.aaaa) : [];
}

/** One name, the canonical one. */
function pointerOf(type: number, bearers: readonly Bearer[]): readonly RecordTail[] {
  return type === TYPE.ptr || type === TYPE.any ? (bearers[0]?.ptr ?? []) : [];
}

function rotated<T>(list: readonly T[], turn: number): readonly T[] {
  if (list.length < 2) return list;
  const at = turn % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

const REFUSED: Reply = { rcode: RCODE.refused, records: [] };
const NO_SUCH_NAME: Reply = { rcode: RCODE.nxDomain, records: [] };

/** Never asked anybody else (RFC 6761, 6.3). */
const LOCALHOST: Bearer = {
  network: '',
  container: undefined,
  a: [recordTail({ type: 'A', data: '127.0.0.1' })],
  aaaa: [recordTail({ type: 'AAAA', data: '::1' })],
  ptr: [],
};
