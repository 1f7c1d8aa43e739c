import { familiarReference, parseReference } from '../codec/image-reference.ts';
import type { ImageStore } from '../image/image-store.ts';
import { resolveStored } from '../image/resolve-stored.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { StageState } from './stage.ts';
import { inheritedConfig } from './stage-config.ts';

/** A stage that begins with an image, whose layers are extracted. @throws TsstackError `image` if it is gone again. */
export function imageState(store: ImageStore, record: ImageRecord): StageState {
  const name = familiarReference(parseReference(record.reference));
  const resolved = resolveStored(store, record);
  if (resolved === undefined) throw new TsstackError(`cannot build on image \`${name}\`: a part of it is gone again`, { code: 'image' });
  const config = inheritedConfig(store.readBlob(record.config.digest).toString('utf8'), name);
  return { layers: record.layers, lowerdirs: resolved.lowerdirs, config };
}
