import { errnoNumber } from '../abi/errno.ts';
import { LOCK_EX, LOCK_NB, LOCK_SH } from '../abi/fcntl.ts';
import { libc } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

/**
 * Takes the exclusive flock(2) of an open file without waiting. False: someone else holds it. The lock belongs to the open file
 * description: it ends when the last copy of the fd is closed, so also with the process, however it dies.
 */
export function tryLock(fd: number): boolean {
  return tryFlock(fd, LOCK_EX);
}

/** The same for the shared one: false if someone else holds the exclusive one. */
export function tryLockShared(fd: number): boolean {
  return tryFlock(fd, LOCK_SH);
}

function tryFlock(fd: number, operation: number): boolean {
  if (libc().flock(fd, operation | LOCK_NB) === 0) return true;
  const errno = libc().errno();
  if (errno === errnoNumber('EAGAIN')) return false; // EWOULDBLOCK is the same number
  throw new SyscallError('flock', errno);
}

/** The same, but waits for it on a pool thread, which it occupies meanwhile. */
export async function waitLockAside(fd: number): Promise<void> {
  // That thread's errno can't be read from here. Pool threads block all signals, so it isn't EINTR.
  if ((await libc().flockAside(fd, LOCK_EX)) !== 0) throw new Error('flock failed');
}

/** The same, but waits for it. Blocks this thread: only for locks that others hold for milliseconds. */
export function waitLock(fd: number): void {
  for (;;) {
    if (libc().flock(fd, LOCK_EX) === 0) return;
    const errno = libc().errno();
    if (errno !== errnoNumber('EINTR')) throw new SyscallError('flock', errno);
  }
}
