import { randomInt } from 'node:crypto';
import type { RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { getLink, getLinks } from '../../native/netlink/link-message.ts';
import { decodeLink, type LinkRecord } from '../../native/netlink/link-record.ts';
import { isRefusal } from './netlink-failure.ts';

/**
 * Does `work` with the ifindex of a link. What is known from before is used without asking. If the kernel then says that there is
 * no such link (ENODEV; EINVAL for a master), it is asked, and `work` is done again if the name stands for another link by now.
 * Rejects as `work` does, or with NetlinkError ENODEV.
 */
export async function withIfindex<T>(connection: RtnetlinkConnection, ifname: string, work: (ifindex: number) => Promise<T>): Promise<T> {
  const known = knownIfindexes(connection).get(ifname);
  if (known === undefined) return work(askIfindex(connection, ifname));
  try {
    return await work(known);
  } catch (error) {
    if (!isRefusal(error, 'ENODEV', 'EINVAL')) throw error;
    const ifindex = askIfindex(connection, ifname);
    if (ifindex === known) throw error;
    return work(ifindex);
  }
}

function askIfindex(connection: RtnetlinkConnection, ifname: string): number {
  forgetIfindex(connection, ifname);
  const { ifindex } = connection.query({ ...getLink(ifname), about: ifname }, decodeLink);
  rememberIfindex(connection, ifname, ifindex);
  return ifindex;
}

export function rememberIfindex(connection: RtnetlinkConnection, ifname: string, ifindex: number): void {
  knownIfindexes(connection).set(ifname, ifindex);
}

export function forgetIfindex(connection: RtnetlinkConnection, ifname: string): void {
  knownIfindexes(connection).delete(ifname);
}

/** Undefined: there is no link of that name. Throws NetlinkError. */
export function findLink(connection: RtnetlinkConnection, ifname: string): LinkRecord | undefined {
  try {
    return connection.query(getLink(ifname), decodeLink);
  } catch (error) {
    if (isRefusal(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/**
 * An ifindex for a link that is to be made: far from what the kernel hands out (from 1 upwards), in a block that was empty when
 * it was chosen. Throws NetlinkError.
 */
export function freeIfindex(connection: RtnetlinkConnection): number {
  const block = BLOCKS.get(connection);
  const next = block === undefined || block.next === block.end ? emptyBlock(connection) : block;
  BLOCKS.set(connection, { next: next.next + 1, end: next.end });
  return next.next;
}

interface Block {
  readonly next: number;
  readonly end: number;
}

function emptyBlock(connection: RtnetlinkConnection): Block {
  const taken = new Set(connection.dump(getLinks(), decodeLink).map((link) => Math.floor(link.ifindex / BLOCK_SIZE)));
  for (;;) {
    const block = randomInt(FIRST_BLOCK, END_BLOCK);
    if (!taken.has(block)) return { next: block * BLOCK_SIZE, end: (block + 1) * BLOCK_SIZE };
  }
}

function knownIfindexes(connection: RtnetlinkConnection): Map<string, number> {
  const known = KNOWN.get(connection) ?? new Map<string, number>();
  KNOWN.set(connection, known);
  return known;
}

const BLOCK_SIZE = 1 << 12;
const FIRST_BLOCK = (1 << 20) / BLOCK_SIZE;
const END_BLOCK = (1 << 30) / BLOCK_SIZE;

/** An ifindex has a meaning only in the namespace of one connection, and is forgotten with it. */
const KNOWN = new WeakMap<RtnetlinkConnection, Map<string, number>>();
const BLOCKS = new WeakMap<RtnetlinkConnection, Block>();
