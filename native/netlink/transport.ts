/**
 * Datagrams to and from the kernel. The real one is a NetlinkSocket; tests script their own.
 *
 * INVARIANT: the answers to what was sent are there when `send` returns. rtnetlink works in the sender's context
 * (netlink_unicast_kernel → rtnetlink_rcv), so nothing need ever be waited for.
 */
export interface Transport extends Disposable {
  send(bytes: Uint8Array): void;
  /** `send` from another thread: this one goes on meanwhile. */
  sendAside(bytes: Uint8Array): Promise<void>;
  /** Undefined: there is none. The bytes are valid until the next receive. Throws an error with `code` ENOBUFS if answers were lost. */
  receive(): Uint8Array | undefined;
}
