/** The images of this host for commands that need no stack. */
import type { Readable, Writable } from 'node:stream';
import { parseReference } from '../codec/image-reference.ts';
import { openImageStore } from '../image/image-store.ts';
import { pushImage } from '../image/push.ts';
import { openRegistry } from '../image/registry/open.ts';
import { saveImages } from '../image/save.ts';
import type { DiskUsage, ImageDetail, LoadedImage, PrunedKind, PruneOptions, PushedImage, PushOptions } from '../model/images.ts';
import { type HostPaths, imagesDirectory } from '../store/paths.ts';
import { diskUsage } from './disk-usage.ts';
import { findRecord } from './find-record.ts';
import { inspectImage } from './image-inspect.ts';
import { loadHostImages } from './image-load.ts';
import { containersByDigest, readContainerUses } from './image-users.ts';
import { registryEnvironment } from './images.ts';
import { requireRoot } from './prepare.ts';
import { prune } from './prune.ts';
import { tellStorageFailures } from './storage-failure.ts';

/** Names: references as people write them (`postgres:17`), or the beginning of a digest. All throw `not-found` for one that isn't here. */
export interface HostImages {
  inspect(names: readonly string[], signal: AbortSignal): Promise<readonly ImageDetail[]>;
  /** As one archive: an OCI image layout that `docker load` reads, too. Leaves `output` open. */
  save(names: readonly string[], output: Writable, signal: AbortSignal): Promise<void>;
  /** @param source path of an OCI image layout, of an archive of one or of `docker save`; or such an archive as a stream. */
  load(source: string | Readable, signal: AbortSignal): Promise<readonly LoadedImage[]>;
  /** Each to the registry that its name says, or the one image to where `to` says. */
  push(names: readonly string[], options: PushOptions): Promise<readonly PushedImage[]>;
  /** Removes what no stack uses; what a running `up`, pull, build, save or push needs stays. */
  prune(options: PruneOptions): Promise<readonly PrunedKind[]>;
  diskUsage(signal: AbortSignal): Promise<DiskUsage>;
}

export interface HostImagesOptions extends HostPaths {
  /** The launcher's binary. */
  readonly launcher: string;
}

export function openHostImages(host: HostImagesOptions): HostImages {
  const open = (what: string, signal: AbortSignal) => {
    requireRoot(what);
    return openImageStore({ directory: imagesDirectory(host), launcherBinary: host.launcher }, signal);
  };
  const told = <T>(work: () => Promise<T>): Promise<T> => tellStorageFailures(host.stateDirectory, work);
  return {
    inspect: (names, signal) =>
      told(async () => {
        const store = await open('inspect images', signal);
        const users = containersByDigest(readContainerUses(host));
        return names.map((name) => inspectImage(store, findRecord(store, name), users));
      }),
    async save(names, output, signal) {
      const store = await open('save images', signal);
      await saveImages(store, unique(names.map((name) => findRecord(store, name))), output, signal);
    },
    async push(names, { to, signal, onProgress, onNotice }) {
      const store = await open('push images', signal);
      const images = names.map((name) => findRecord(store, name));
      using registry = openRegistry({ environment: registryEnvironment(process.env), onNotice });
      const pushed: PushedImage[] = [];
      // One after another, so that one takes from the other what they share. The blobs of each go in parallel.
      for (const image of images) {
        const reference = parseReference(to ?? image.reference);
        pushed.push(await pushImage(image, reference, { store, registry, signal, onProgress }));
      }
      return pushed;
    },
    prune: (options) => told(async () => prune(await open('prune', options.signal), host, options)),
    diskUsage: async (signal) => diskUsage(await open('measure what is on the disk', signal), host, signal),
    load: (source, signal) => told(async () => loadHostImages(await open('load images', signal), source, signal)),
  };
}

/** Named twice, an image is in the archive once. */
function unique<T>(items: readonly T[]): readonly T[] {
  const seen = new Map<string, T>();
  for (const item of items) seen.set(JSON.stringify(item), item);
  return [...seen.values()];
}
