import type { ErrnoName } from '../../native/abi/errno.ts';
import { NetlinkError } from '../../native/netlink/netlink-error.ts';
import { TsstackError } from '../model/errors.ts';
import type { NetnsRef } from '../model/resources.ts';

/** `what`: what could not be done, to which thing: `cannot create link \`ts-shop-3f9a\``. `hints` go before the general ones. */
export function netlinkFailure(what: string, cause: unknown, hints: Hints = {}): TsstackError {
  if (cause instanceof TsstackError) return new TsstackError(`${what}: ${cause.message}`, { code: cause.code, hint: cause.hint, cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const hint = Object.entries({ ...HINTS, ...hints }).find(([name]) => name === errno)?.[1];
  return new TsstackError(`${what}: ${reason}`, { code: errno === 'EPERM' ? 'permission' : 'kernel', hint, cause });
}

export type Hints = { readonly [K in ErrnoName]?: string };

/** Did the kernel refuse with one of these? */
export function isRefusal(error: unknown, ...names: readonly ErrnoName[]): error is NetlinkError {
  return error instanceof NetlinkError && names.some((name) => name === error.code);
}

/** The container isn't there, and so nothing in it. */
export function isGone(error: unknown): boolean {
  return error instanceof TsstackError && error.code === 'not-found';
}

/** ` of container \`web-1\``, or nothing for the host. */
export function ofNetns(netns: NetnsRef): string {
  return netns.in === 'host' ? '' : ` of container \`${netns.container}\``;
}

const HINTS: Hints = {
  EPERM: 'changing the network needs root, or CAP_NET_ADMIN in the network namespace',
  ENOBUFS: 'the kernel had no room for its answers; what was asked may have been done',
};
