import { errnoNumber } from '../abi/errno.ts';
import { checked, libc } from './libc.ts';
import { SyscallError } from './syscall-error.ts';

/** The greatest there is of both a list and a value (linux/limits.h: XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const XATTR_MAX = 65536;
const buffer = Buffer.alloc(XATTR_MAX);

/** Names of extended attributes (xattr(7)), of a symbolic link its own. None where the file system has none. @throws SyscallError */
export function listExtendedAttributes(path: string): readonly string[] {
  const length = libc().llistxattr(path, buffer, XATTR_MAX);
  if (length === -1) {
    const errno = libc().errno();
    if (errno === errnoNumber('EOPNOTSUPP')) return [];
    throw new SyscallError('llistxattr', errno);
  }
  return buffer.toString('utf8', 0, length).split('\0').slice(0, -1);
}

/** Undefined: there is no such attribute. @throws SyscallError */
export function readExtendedAttribute(path: string, name: string): Buffer | undefined {
  const length = libc().lgetxattr(path, name, buffer, XATTR_MAX);
  if (length !== -1) return Buffer.from(buffer.subarray(0, length));
  const errno = libc().errno();
  if (errno === errnoNumber('ENODATA') || errno === errnoNumber('EOPNOTSUPP')) return undefined;
  throw new SyscallError('lgetxattr', errno);
}

/** @throws SyscallError */
export function writeExtendedAttribute(path: string, name: string, value: Uint8Array): void {
  checked('lsetxattr', libc().lsetxattr(path, name, value, value.length, 0));
}

/** A device node, FIFO or socket: `mode` holds the type (S_IFIFO …), `device` is as `st_rdev` says. @throws SyscallError */
export function makeNode(path: string, mode: number, device: bigint): void {
  checked('mknod', libc().mknod(path, mode, device));
}
