/**
 * The layer below every image that lacks them: the directories and empty files that a container mounts over. Without it each
 * container would make them in its own upper layer: six writes through overlayfs a start, and six to remove at its end.
 */
import fs from 'node:fs';
import type { ResolvedImage } from '../model/facts.ts';
import { makeDirectory, makeFile, makeLayer } from './layer.ts';

/** Its name among the layers of our own making. */
export const MOUNT_POINTS = 'mount-points';
const DIRECTORIES = ['dev', 'proc', 'sys', 'etc'];
const FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

export function withMountPoints(image: ResolvedImage, imagesDirectory: string): ResolvedImage {
  const has = (name: string) =>
    image.lowerdirs.some((directory) => fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false }) !== undefined);
  if ([...DIRECTORIES, ...FILES].every(has)) return image;
  return { ...image, lowerdirs: [...image.lowerdirs, makeLayer(imagesDirectory, MOUNT_POINTS, fill)] };
}

function fill(layer: string): void {
  for (const name of DIRECTORIES) makeDirectory(`${layer}/${name}`, 0o755);
  for (const name of FILES) makeFile(`${layer}/${name}`, '');
}
