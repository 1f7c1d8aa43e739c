import type { Finding, Host } from './host.ts';

export function checkRoot({ uid }: Host): Finding {
  const name = 'root';
  if (uid === 0) return { name, status: 'ok', detail: 'uid 0' };
  const detail = `uid ${uid} may not make network links, mounts and cgroups`;
  return { name, status: 'missing', detail, advice: 'run tsstack as root, e.g. with `sudo`' };
}
