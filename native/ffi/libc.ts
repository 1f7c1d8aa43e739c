import { createRequire } from 'node:module';
import { SyscallError } from './syscall-error.ts';

/** The libc functions that Node has no binding for. As in section 2 of the manual; -1 is an error, told by `errno`. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  /** The same from a thread of libuv's pool: this one goes on. `bytes` must stay as they are until it has ended. */
  sendAside(fd: number, bytes: Uint8Array, length: number, flags: number): Promise<number>;
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  setns(fd: number, nstype: number): number;
  flock(fd: number, operation: number): number;
  /** As `sendAside`: waits without this thread. */
  flockAside(fd: number, operation: number): Promise<number>;
  llistxattr(path: string, list: Uint8Array, size: number): number;
  lgetxattr(path: string, name: string, value: Uint8Array, size: number): number;
  lsetxattr(path: string, name: string, value: Uint8Array, size: number, flags: number): number;
  mknod(path: string, mode: number, dev: bigint): number;
  abort(): never;
  /** errno of this thread's last call. Read it at once: anything Node does in between may set it. */
  errno(): number;
}

let bound: Libc | undefined;

/** libc, bound on first use: loading koffi costs 9 ms, which a command that touches no kernel object should not pay. */
export function libc(): Libc {
  bound ??= bindLibc();
  return bound;
}

/** The result of a libc call, or a SyscallError if it is -1. */
export function checked(syscall: string, result: number): number {
  if (result === -1) throw new SyscallError(syscall, libc().errno());
  return result;
}

function bindLibc(): Libc {
  // The published bundle is CommonJS and has `__filename`; the source is ESM and has not.
  const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url);
  const koffi: typeof import('koffi') = require('koffi');
  // Null: what the process has linked already, glibc or musl alike.
  const lib = koffi.load(null);
  const send = lib.func('intptr_t send(int fd, const void *bytes, size_t length, int flags)');
  const flock = lib.func('int flock(int fd, int operation)');
  return {
    socket: lib.func('int socket(int domain, int type, int protocol)'),
    bind: lib.func('int bind(int fd, const void *address, uint32_t length)'),
    setsockopt: lib.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    send,
    sendAside: (...args) =>
      new Promise((resolve, reject) => {
        send.async(...args, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
      }),
    recv: lib.func('intptr_t recv(int fd, void *buffer, size_t length, int flags)'),
    setns: lib.func('int setns(int fd, int nstype)'),
    flock,
    flockAside: (...args) =>
      new Promise((resolve, reject) => {
        flock.async(...args, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
      }),
    llistxattr: lib.func('intptr_t llistxattr(const char *path, void *list, size_t size)'),
    lgetxattr: lib.func('intptr_t lgetxattr(const char *path, const char *name, void *value, size_t size)'),
    lsetxattr: lib.func('int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)'),
    mknod: lib.func('int mknod(const char *path, uint32_t mode, uint64_t dev)'),
    abort: lib.func('void abort()') as unknown as () => never,
    errno: () => koffi.errno(),
  };
}
