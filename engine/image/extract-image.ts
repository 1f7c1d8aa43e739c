/** An image that is recorded → one that can be used: all of it held by a lease, its layers extracted. */
import { type ImageRecord, partsOf } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import { findHeld } from './find-held.ts';
import type { ImageStore } from './image-store.ts';

export interface ExtractOptions {
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/**
 * @param reference normalized. Undefined: there is no such image, or a part of it is gone and must be had anew.
 * @throws TsstackError `image`; the signal's reason.
 */
export async function findWhole(store: ImageStore, reference: string, options: ExtractOptions): Promise<ImageRecord | undefined> {
  const record = findHeld(store, reference, options.lease);
  return record && (await extractHeld(store, record, options.signal));
}

/** The same for a record that is at hand. */
export async function extractImage(store: ImageStore, record: ImageRecord, options: ExtractOptions): Promise<ImageRecord | undefined> {
  // Before looking whether it is there: from then on nobody removes it.
  options.lease.hold(partsOf(record));
  return await extractHeld(store, record, options.signal);
}

/** Layers of which only the blob is there are extracted. Undefined: a part of it is gone. @throws as `findWhole`. */
export async function extractHeld(store: ImageStore, record: ImageRecord, signal: AbortSignal): Promise<ImageRecord | undefined> {
  const { config, layers } = record;
  const isHere = ({ digest, diffId }: (typeof layers)[number]) => store.layerDirectory(diffId) !== undefined || store.hasBlob(digest);
  if (!store.hasBlob(config.digest) || !layers.every(isHere)) return undefined;
  await Promise.all(layers.map(({ digest, diffId, mediaType }) => store.extractLayer({ diffId, blob: digest, mediaType, signal })));
  return record;
}
