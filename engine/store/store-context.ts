import fs from 'node:fs';
import { type ImagePaths, imagePaths } from './image-paths.ts';
import { ObjectLock } from './object-lock.ts';

/** What everything in the image store needs to know. */
export interface StoreContext {
  readonly paths: ImagePaths;
  readonly launcherBinary: string;
  /** Changes whenever the machine starts. */
  readonly bootId: string;
}

export interface StoreLocation {
  /** `<state>/images` */
  readonly directory: string;
  readonly launcherBinary: string;
}

/** Makes the directories. Layers and blobs are for root alone: set-user-ID programs of images are no programs of the host. */
export function makeStoreContext({ directory, launcherBinary }: StoreLocation): StoreContext {
  const paths = imagePaths(directory);
  fs.mkdirSync(directory, { recursive: true, mode: 0o711 });
  for (const path of Object.values(paths)) if (path !== directory) fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  return { paths, launcherBinary, bootId: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
}

export function lockObject({ paths, launcherBinary }: StoreContext, name: string, signal: AbortSignal): Promise<ObjectLock> {
  return ObjectLock.acquire(`${paths.locks}/${name}`, { launcherBinary, signal });
}
