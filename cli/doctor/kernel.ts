import type { Finding, Host } from './host.ts';

/**
 * 5.12 is the first with mount_setattr(2), which is the newest call that is always made. Overlay over idmapped layers, which user
 * namespaces need, came with 5.19 (overlayfs.rst).
 */
export function checkKernel({ kernelRelease }: Host): Finding {
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const version = major * 1000 + minor;
  const name = 'kernel';
  if (version < 5012) return { name, status: 'missing', detail: kernelRelease, advice: 'use Linux 5.12 or later' };
  if (version >= 5019) return { name, status: 'ok', detail: kernelRelease };
  const advice = 'user namespaces need Linux 5.19; until then containers go on without them';
  return { name, status: 'warning', detail: kernelRelease, advice };
}
