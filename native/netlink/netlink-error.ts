import { errnoName } from '../abi/errno.ts';
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELROUTE,
  RTM_DELTCLASS,
  RTM_DELTFILTER,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_GETTCLASS,
  RTM_GETTFILTER,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWROUTE,
  RTM_NEWTCLASS,
  RTM_NEWTFILTER,
  RTM_SETLINK,
} from '../abi/rtnetlink.ts';
import type { Ack } from './ack.ts';

/** A request that the kernel refused: `RTM_NEWLINK failed with EOPNOTSUPP (bridge): Unknown device type`. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** Positive, as in errno(3). */
  readonly errno: number;
  /** `EOPNOTSUPP` */
  readonly code: string;
  constructor(message: { readonly type: number; readonly about?: string }, ack: Ack) {
    const code = errnoName(ack.errno);
    const about = message.about === undefined ? '' : ` (${message.about})`;
    const text = ack.text === undefined ? '' : `: ${ack.text.replace(/\.$/, '')}`;
    super(`${messageTypeName(message.type)} failed with ${code}${about}${text}`);
    this.errno = ack.errno;
    this.code = code;
  }
}

function messageTypeName(type: number): string {
  return NAMES.get(type) ?? `netlink message ${type}`;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries({
    RTM_NEWLINK,
    RTM_DELLINK,
    RTM_GETLINK,
    RTM_SETLINK,
    RTM_NEWADDR,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_NEWROUTE,
    RTM_DELROUTE,
    RTM_GETROUTE,
    RTM_NEWQDISC,
    RTM_DELQDISC,
    RTM_GETQDISC,
    RTM_NEWTCLASS,
    RTM_DELTCLASS,
    RTM_GETTCLASS,
    RTM_NEWTFILTER,
    RTM_DELTFILTER,
    RTM_GETTFILTER,
  }).map(([name, type]) => [type, name]),
);
