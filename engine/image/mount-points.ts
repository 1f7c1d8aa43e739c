/**
 * The layer below every image that lacks them: the directories and empty files that a container mounts over. Without it each
 * container would make them in its own upper layer: six writes through overlayfs a start, and six to remove at its end.
 */
import fs from 'node:fs';
import type { ResolvedImage } from '../model/facts.ts';

const DIRECTORIES = ['dev', 'proc', 'sys', 'etc'];
const FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

export function withMountPoints(image: ResolvedImage, imagesDirectory: string): ResolvedImage {
  const has = (name: string) =>
    image.lowerdirs.some((directory) => fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false }) !== undefined);
  if ([...DIRECTORIES, ...FILES].every(has)) return image;
  return { ...image, lowerdirs: [...image.lowerdirs, mountPointsLayer(imagesDirectory)] };
}

/** Made beside its place and renamed into it, so that it is whole whenever it is there. */
function mountPointsLayer(imagesDirectory: string): string {
  const layer = `${imagesDirectory}/mount-points`;
  if (fs.existsSync(layer)) return layer;
  fs.mkdirSync(imagesDirectory, { recursive: true, mode: 0o711 });
  const unfinished = fs.mkdtempSync(`${layer}.`);
  fs.chmodSync(unfinished, 0o755);
  // Whatever the umask: the directories may be what users of a container look into.
  for (const name of DIRECTORIES) {
    fs.mkdirSync(`${unfinished}/${name}`);
    fs.chmodSync(`${unfinished}/${name}`, 0o755);
  }
  for (const name of FILES) {
    fs.writeFileSync(`${unfinished}/${name}`, '');
    fs.chmodSync(`${unfinished}/${name}`, 0o644);
  }
  try {
    fs.renameSync(unfinished, layer);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true });
    // Another process was faster, and made the same.
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return layer;
}
