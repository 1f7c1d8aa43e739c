import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { unlessErrno } from './system-error.ts';

/** An idmapped mount can be an overlay's lower layer since this Linux (fs/overlayfs, "support idmapped layers"). */
const NEEDED = [5, 19] as const;

/**
 * Why containers cannot have a user namespace with idmapped mounts on this host; undefined if nothing speaks against it.
 * Whether a given filesystem can be idmapped only the attempt tells.
 */
export function usernsUnavailable(): string | undefined {
  if (!existsSync('/proc/self/ns/user')) return 'this kernel is built without user namespaces';
  const allowed = unlessErrno(['ENOENT'], () => readFileSync('/proc/sys/user/max_user_namespaces', 'utf8'));
  if (allowed?.trim() === '0') return '`user.max_user_namespaces` is 0';
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1]))
    return `Linux ${release()} cannot idmap the layers of an overlay, 5.19 can`;
  return undefined;
}
