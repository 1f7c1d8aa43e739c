import { errnoName } from '../abi/errno.ts';

/** A system call that failed: `setns failed with EPERM`. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** `setns` */
  readonly syscall: string;
  /** Positive, as in errno(3). */
  readonly errno: number;
  /** `EPERM` */
  readonly code: string;
  constructor(syscall: string, errno: number) {
    const code = errnoName(errno);
    super(`${syscall} failed with ${code}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}
