/** What `images` shows: the images on this host, and which containers of any stack were made of them. */
import fs from 'node:fs';
import { familiarReference, parseReference } from '../codec/image-reference.ts';
import { readRecord } from '../kernel/containers.ts';
import type { ImageListing } from '../model/engine.ts';
import { imagePaths } from '../store/image-paths.ts';
import { listImages } from '../store/image-records.ts';
import { type HostPaths, imagesDirectory } from '../store/paths.ts';

export function listHostImages(host: Pick<HostPaths, 'stateDirectory'>): readonly ImageListing[] {
  const paths = imagePaths(imagesDirectory(host));
  // Nothing was ever pulled here.
  if (!fs.existsSync(paths.records)) return [];
  const users = usersByDigest(host);
  return listImages({ paths }).map(({ reference, target, manifest, layers, recordedAt }) => {
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
  });
}

function usersByDigest({ stateDirectory }: Pick<HostPaths, 'stateDirectory'>): ReadonlyMap<string, readonly string[]> {
  const stacks = `${stateDirectory}/stacks`;
  const users = new Map<string, string[]>();
  for (const stack of namesIn(stacks)) {
    for (const container of namesIn(`${stacks}/${stack}/containers`)) {
      const record = readRecord(`${stacks}/${stack}/containers/${container}`);
      if (record === undefined) continue;
      // The stack's name, without the hash that makes it unique.
      const name = `${stack.slice(0, stack.lastIndexOf('-'))}-${container}`;
      users.set(record.imageDigest, [...(users.get(record.imageDigest) ?? []), name].sort());
    }
  }
  return users;
}

function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
}
