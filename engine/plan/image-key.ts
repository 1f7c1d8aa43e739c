import { createHash } from 'node:crypto';
import type { ImageSource } from '../../dsl/spec.ts';

/** Names an image source in HostFacts.images, and to people. */
export function imageKey(image: ImageSource): string {
  switch (image.kind) {
    case 'hostRootfs':
      return 'host-rootfs';
    case 'rootfs':
      return `rootfs:${image.path}`;
    case 'reference':
      return image.reference;
    case 'archive':
      return image.image === undefined ? `archive:${image.path}` : `archive:${image.path}#${image.image}`;
    case 'debian':
      return `debian:${image.suite}${image.packages.map((name) => ` ${name}`).join('')}${image.mirror === undefined ? '' : ` from ${image.mirror}`}`;
    case 'build':
      return `build:${createHash('sha256').update(JSON.stringify(image)).digest('hex').slice(0, 16)}`;
  }
}
