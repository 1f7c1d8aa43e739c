/** Looking for an image that is to be used: nobody may remove it between its being found and its being needed. */
import { type ImageRecord, partsOf } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import type { ImageStore } from './image-store.ts';

/** @param reference normalized. The lease holds all that the image consists of; whether that is there is yet to be looked at. */
export function findHeld(store: ImageStore, reference: string, lease: Lease): ImageRecord | undefined {
  let record = store.findImage(reference);
  while (record !== undefined) {
    lease.hold(partsOf(record));
    // Until it was held it might be pruned, or another pull might put another one in its place.
    const still = store.findImage(reference);
    if (still?.manifest.digest === record.manifest.digest) return still;
    record = still;
  }
  return undefined;
}
