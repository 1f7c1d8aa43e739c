import fs from 'node:fs';
import { parseResolvConf } from '../codec/resolv-conf.ts';
import { unlessErrno } from '../kernel/system-error.ts';

/**
 * The host's nameservers, as they are now: a machine that moves between networks gets others. A stat(2) a call, and the file is read when it
 * has changed. Also those that only the host can reach: 127.0.0.53 of systemd-resolved.
 */
export function hostNameservers(path = '/etc/resolv.conf'): () => readonly string[] {
  let read: { readonly version: string; readonly servers: readonly string[] } | undefined;
  return () => {
    const stat = unlessErrno(['ENOENT'], () => fs.statSync(path));
    if (!stat) return [];
    const version = `${stat.dev} ${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    if (read?.version !== version) read = { version, servers: parseResolvConf(fs.readFileSync(path, 'utf8')).nameservers };
    return read.servers;
  };
}
