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
  }
}
