/** What `images` shows: the images on this host, and which containers of any stack were made of them. */
import fs from 'node:fs';
import { familiarReference, parseReference } from '../codec/image-reference.ts';
import type { ImageListing } from '../model/engine.ts';
import { imagePaths } from '../store/image-paths.ts';
import { type ImageRecord, listImages } from '../store/image-records.ts';
import { type HostPaths, imagesDirectory } from '../store/paths.ts';
import { containersByDigest, readContainerUses } from './image-users.ts';

export function listHostImages(host: Pick<HostPaths, 'stateDirectory'>): readonly ImageListing[] {
  const paths = imagePaths(imagesDirectory(host));
  // Nothing was ever pulled here.
  if (!fs.existsSync(paths.records)) return [];
  const users = containersByDigest(readContainerUses(host));
  return listImages({ paths }).map((record) => imageListing(record, users));
}

/** `users`: containers by the digest of the manifest they were made of. */
export function imageListing(
  { reference, target, manifest, layers, recordedAt }: ImageRecord,
  users: ReadonlyMap<string, readonly string[]>,
): ImageListing {
  const parsed = parseReference(reference);
  return {
    reference,
    name: familiarReference({ ...parsed, tag: undefined, digest: undefined }),
    tag: parsed.tag,
    digest: target.digest,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    pulledAt: recordedAt,
    usedBy: users.get(manifest.digest) ?? [],
  };
}
