/** Image sources that are directories already → what can be mounted. Those of a registry: `pull.ts` and `resolve-stored.ts`. */
import fs from 'node:fs';
import type { ImageSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/facts.ts';
import { resolveHostRootfs } from './host-rootfs.ts';
import { DEFAULT_PATH } from './layer.ts';
import { withMountPoints } from './mount-points.ts';
import { readImageUsers } from './users.ts';

export type DirectorySource = Extract<ImageSource, { readonly kind: 'hostRootfs' | 'rootfs' }>;

export function isDirectorySource(image: ImageSource): image is DirectorySource {
  return image.kind === 'hostRootfs' || image.kind === 'rootfs';
}

/** Throws `image` with what to do. `imagesDirectory` is ours and is made if it is not there. */
export function resolveDirectory(image: DirectorySource, imagesDirectory: string): ResolvedImage {
  const resolved = image.kind === 'hostRootfs' ? resolveHostRootfs(imagesDirectory) : resolveRootfs(image.path);
  return withMountPoints(resolved, imagesDirectory);
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
