/** Images on this host, shared by all its stacks: blobs, extracted layers, and what references stand for. Safe to use from several processes. */
import { availableParallelism } from 'node:os';
import type { Descriptor } from '../codec/image-manifest.ts';
import { type BlobWriter, blobPath, hasBlob, readBlob, storeContent, writeBlob } from '../store/blobs.ts';
import { collectGarbage, type Garbage, type GarbageOptions } from '../store/gc.ts';
import { findImage, type ImageRecord, listImages, recordImage, removeImage } from '../store/image-records.ts';
import { extractLayer, type LayerFacts, type LayerRequest, layerDirectory, readLayerFacts } from '../store/layers.ts';
import { Lease } from '../store/lease.ts';
import { makeStoreContext, type StoreContext, type StoreLocation } from '../store/store-context.ts';
import { checkAfterCrash, flush, flushAside } from '../store/unflushed.ts';
import { limited } from './limited.ts';
import { unpackLayer } from './unpack.ts';

export interface ImageStore {
  readonly context: StoreContext;
  /** What is named here is removed by no garbage collection until the lease is disposed. To be taken before asking what is there. */
  lease(digests: readonly string[]): Lease;
  hasBlob(digest: string): boolean;
  /** Manifests and configs. @throws TsstackError `image` if it isn't there. */
  readBlob(digest: string): Buffer;
  blobPath(digest: string): string;
  /** Waits until nobody else writes it. Undefined: it is there. The writer keeps others from it until it is disposed. */
  writeBlob(descriptor: Descriptor, signal: AbortSignal): Promise<BlobWriter | undefined>;
  /** A small blob made here: a manifest, a config. */
  storeContent(mediaType: string, content: Uint8Array, signal: AbortSignal): Promise<Descriptor>;
  /** Undefined: it isn't extracted. */
  layerDirectory(diffId: string): string | undefined;
  /** The directory, once it is extracted. As many at a time as there are processors. @throws TsstackError `image`; the signal's reason. */
  extractLayer(request: LayerRequest): Promise<string>;
  layerFacts(diffId: string): LayerFacts;
  recordImage(record: ImageRecord): void;
  findImage(reference: string): ImageRecord | undefined;
  list(): readonly ImageRecord[];
  /** Forgets the reference; blobs and layers stay until garbage is collected. False: there was none. */
  remove(reference: string): boolean;
  collectGarbage(options: GarbageOptions): Promise<Garbage>;
  /** Waits until all of it is on the disk. Without that, a crash of the machine costs the time to check or extract it again. */
  flush(): Promise<void>;
  /** The same for what was written a while ago, without waiting, in a process that may outlive this one. To be called whenever images are used. */
  flushAside(): void;
}

/** Also puts right what a crash of the machine left. `signal` ends that. */
export async function openImageStore(location: StoreLocation, signal: AbortSignal): Promise<ImageStore> {
  const context = makeStoreContext(location);
  await checkAfterCrash(context, signal);
  const inTurn = limited(Math.max(2, availableParallelism()));
  return {
    context,
    lease: (digests) => new Lease(context, digests),
    hasBlob: (digest) => hasBlob(context, digest),
    readBlob: (digest) => readBlob(context, digest),
    blobPath: (digest) => blobPath(context, digest),
    writeBlob: (descriptor, stop) => writeBlob(context, descriptor, stop),
    storeContent: (mediaType, content, stop) => storeContent(context, mediaType, content, stop),
    layerDirectory: (diffId) => layerDirectory(context, diffId),
    extractLayer: async (request) =>
      layerDirectory(context, request.diffId) ?? (await inTurn(() => extractLayer(context, request, unpackLayer))),
    layerFacts: (diffId) => readLayerFacts(context, diffId),
    recordImage: (record) => recordImage(context, record),
    findImage: (reference) => findImage(context, reference),
    list: () => listImages(context),
    remove: (reference) => removeImage(context, reference),
    collectGarbage: (options) => collectGarbage(context, options),
    flush: () => flush(context),
    flushAside: () => flushAside(context),
  };
}
