/** An image that is recorded → one that can be used: all of it held by a lease, its layers extracted. */
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import type { ImageStore } from './image-store.ts';

/**
 * Layers of which only the blob is there are extracted. Undefined: a part of it is gone, it must be had anew.
 * @throws TsstackError `image`; the signal's reason.
 */
export async function extractImage(
  store: ImageStore,
  record: ImageRecord,
  { lease, signal }: { readonly lease: Lease; readonly signal: AbortSignal },
): Promise<ImageRecord | undefined> {
  const { target, manifest, config, layers } = record;
  // Before looking whether it is there: from then on nobody removes it.
  lease.hold([...[target, manifest, config, ...layers].map(({ digest }) => digest), ...layers.map(({ diffId }) => diffId)]);
  const isHere = ({ digest, diffId }: (typeof layers)[number]) => store.layerDirectory(diffId) !== undefined || store.hasBlob(digest);
  if (!store.hasBlob(config.digest) || !layers.every(isHere)) return undefined;
  await Promise.all(layers.map(({ digest, diffId, mediaType }) => store.extractLayer({ diffId, blob: digest, mediaType, signal })));
  return record;
}
