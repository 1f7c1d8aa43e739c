import { errnoNumber } from '../abi/errno.ts';
import { NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NETLINK_ROUTE } from '../abi/netlink.ts';
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../abi/socket.ts';
import { checked, libc } from './libc.ts';
import { OwnedFd } from './owned-fd.ts';
import { SyscallError } from './syscall-error.ts';

/** Bytes. Acks of a batch wait here: about 1 KiB each as the kernel counts (skb->truesize). */
const RECEIVE_BUFFER = 1 << 20;
/** Bytes. A send longer than this is EMSGSIZE (netlink_sendmsg). */
const SEND_BUFFER = 256 << 10;
/** sockaddr_nl: u16 family, u16 pad, u32 pid, u32 groups. Pid 0: the kernel chooses; no groups. */
const ANY_ADDRESS = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/**
 * One for all sockets: receiving is synchronous and its bytes are decoded before the next receive. The kernel fills at most
 * 32 KiB in a dump (netlink_dump); a single link with much to tell stays under it too.
 */
let receiveBuffer: Uint8Array | undefined;

/** A netlink socket in the network namespace this thread is in now. */
export class NetlinkSocket implements Disposable {
  readonly #fd: OwnedFd;

  private constructor(fd: OwnedFd) {
    this.#fd = fd;
  }

  /** `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER. */
  static open(protocol: number = NETLINK_ROUTE): NetlinkSocket {
    const fd = new OwnedFd(checked('socket', libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)));
    try {
      setBufferSize(fd, [SO_RCVBUFFORCE, SO_RCVBUF], RECEIVE_BUFFER);
      setBufferSize(fd, [SO_SNDBUFFORCE, SO_SNDBUF], SEND_BUFFER);
      for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) setIfKnown(fd, option);
      checked('bind', libc().bind(fd.fd, ANY_ADDRESS, ANY_ADDRESS.length));
      return new NetlinkSocket(fd);
    } catch (error) {
      fd[Symbol.dispose]();
      throw error;
    }
  }

  /** The kernel has done all that the messages ask, and queued its answers, when this returns. */
  send(bytes: Uint8Array): void {
    checked('send', libc().send(this.#fd.fd, bytes, bytes.length, 0));
  }

  /** The same, while this thread goes on. Only for a socket of this thread's own network namespace: nobody may enter another meanwhile and wait. */
  async sendAside(bytes: Uint8Array): Promise<void> {
    // errno would be the pool thread's: the kernel tells of a refused message in its ack, and a failing send is told by its length.
    const sent = await libc().sendAside(this.#fd.fd, bytes, bytes.length, 0);
    if (sent !== bytes.length) throw new SyscallError('send', errnoNumber('EIO'));
  }

  /** One datagram, valid until the next receive on any socket. Never waits: undefined if there is none. ENOBUFS: answers were lost. */
  receive(): Uint8Array | undefined {
    receiveBuffer ??= new Uint8Array(64 << 10);
    const length = libc().recv(this.#fd.fd, receiveBuffer, receiveBuffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length === -1) {
      const errno = libc().errno();
      if (errno === errnoNumber('EAGAIN')) return undefined;
      throw new SyscallError('recv', errno);
    }
    if (length > receiveBuffer.length) throw new SyscallError('recv', errnoNumber('EMSGSIZE'));
    return receiveBuffer.subarray(0, length);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Past the administrator's limit if allowed (EPERM in a user namespace), else up to it. */
function setBufferSize(fd: OwnedFd, [forced, limited]: readonly [number, number], bytes: number): void {
  if (setOption(fd, SOL_SOCKET, forced, bytes) === -1) checked('setsockopt', setOption(fd, SOL_SOCKET, limited, bytes));
}

/** These only make errors and dumps better: Linux 4.3, 4.12 and 4.20 brought them, an older one says ENOPROTOOPT. */
function setIfKnown(fd: OwnedFd, option: number): void {
  if (setOption(fd, SOL_NETLINK, option, 1) === 0) return;
  const errno = libc().errno();
  if (errno !== errnoNumber('ENOPROTOOPT')) throw new SyscallError('setsockopt', errno);
}

function setOption(fd: OwnedFd, level: number, option: number, value: number): number {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  return libc().setsockopt(fd.fd, level, option, bytes, bytes.length);
}
