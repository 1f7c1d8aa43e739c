/** Image sources → directories that can be mounted. A registry reference is refused here until there is a store to pull it into. */
import fs from 'node:fs';
import type { ImageSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/facts.ts';
import { resolveHostRootfs } from './host-rootfs.ts';
import { DEFAULT_PATH } from './layer.ts';
import { withMountPoints } from './mount-points.ts';
import { readImageUsers } from './users.ts';

/** Throws `image` with what to do. `imagesDirectory` is ours and is made if it is not there. */
export function resolveImage(image: ImageSource, imagesDirectory: string): ResolvedImage {
  return withMountPoints(resolveSource(image, imagesDirectory), imagesDirectory);
}

function resolveSource(image: ImageSource, imagesDirectory: string): ResolvedImage {
  switch (image.kind) {
    case 'hostRootfs':
      return resolveHostRootfs(imagesDirectory);
    case 'rootfs':
      return resolveRootfs(image.path);
    case 'reference':
      throw new TsstackError(`cannot use image \`${image.reference}\`: pulling from a registry is not supported yet`, {
        code: 'image',
        hint: "use hostRootfs(), or unpack it to a directory and use rootfs('./dir')",
      });
  }
}

/** The directory itself is the layer. What changes in it is seen by containers created later; a running one must not see it change. */
function resolveRootfs(path: string): ResolvedImage {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) {
    throw new TsstackError(`cannot use \`rootfs('${path}')\`: ${stat ? 'it is not a directory' : 'it does not exist'}`, {
      code: 'image',
      hint: 'give the path of an unpacked root filesystem, relative to the stack file',
    });
  }
  return {
    name: `rootfs:${path}`,
    digest: `${path} ${stat.dev}:${stat.ino}`,
    lowerdirs: [path],
    binds: [],
    entrypoint: [],
    command: [],
    environment: { PATH: DEFAULT_PATH },
    workingDir: '/',
    user: undefined,
    ...readImageUsers([path]),
  };
}
