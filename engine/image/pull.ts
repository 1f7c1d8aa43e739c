/** A reference → an image in the store, its layers extracted. Who asks for one that is here and needn't be looked up meets no network. */

import type { PullPolicy } from '../../dsl/spec.ts';
import { type Descriptor, MEDIA_TYPES } from '../codec/image-manifest.ts';
import { familiarReference, formatReference, type ImageReference, parseReference } from '../codec/image-reference.ts';
import { TsstackError } from '../model/errors.ts';
import { type ImageRecord, partsOf } from '../store/image-records.ts';
import { extractHeld } from './extract-image.ts';
import { findHeld } from './find-held.ts';
import type { ImageStore } from './image-store.ts';
import { type LayerWork, type PullOptions, pullLayers } from './pull-layers.ts';
import type { ImageDocument, RemoteImage } from './registry/manifests.ts';

/** An image of a stack file, and when its registry is asked. */
export interface WantedImage {
  /** As written. */
  readonly reference: string;
  readonly policy: PullPolicy;
}

/** All of them at the same time. @throws TsstackError `image`: the first that fails ends the others; the signal's reason. */
export async function pullImages(wanted: readonly WantedImage[], options: PullOptions): Promise<Readonly<Record<string, ImageRecord>>> {
  const here = await Promise.all(wanted.map(async (image) => ({ ...image, record: await findUsable(image, options) })));
  const toPull = here.filter(({ record }) => record === undefined).map(({ reference }) => reference);
  if (toPull.length > 0) options.onEvent({ type: 'pull.started', at: Date.now(), images: toPull });
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const pulls = here.map(async ({ reference, record }): Promise<[string, ImageRecord]> => {
    try {
      return [reference, record ?? (await pullImage(reference, { ...options, signal }))];
    } catch (error) {
      if (!signal.aborted) {
        options.onEvent({
          type: 'pull.failed',
          at: Date.now(),
          image: reference,
          message: error instanceof Error ? error.message : String(error),
        });
        failed.abort(error);
      }
      throw error;
    }
  });
  return Object.fromEntries(await allOrFirst(pulls, failed.signal));
}

/** Waits for all, so that nothing works on in the background, and tells the failure that ended the others rather than what came of it. */
export async function allOrFirst<T>(work: readonly Promise<T>[], failed: AbortSignal): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  if (failed.aborted) throw failed.reason;
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Undefined: the registry must be asked. What of it is extracted already stays; a layer that is only there as a blob is extracted. */
async function findUsable(
  { reference, policy }: WantedImage,
  { store, platform: _, lease, signal }: PullOptions,
): Promise<ImageRecord | undefined> {
  if (policy === 'always') return undefined;
  const record = findHeld(store, formatReference(parseReference(reference)), lease);
  const whole = record && (await extractHeld(store, record, signal));
  if (whole) return whole;
  if (policy === 'missing') return undefined;
  throw new TsstackError(`cannot use image \`${reference}\`: it is not here, and \`pullPolicy: 'never'\` forbids to pull it`, {
    code: 'image',
    hint: record ? 'a part of it was removed; `tsstack pull` fetches that' : '`tsstack pull` fetches it',
  });
}

async function pullImage(reference: string, options: PullOptions): Promise<ImageRecord> {
  const { store, registry, platform, lease, signal, onEvent } = options;
  const startedAt = Date.now();
  const parsed = parseReference(reference);
  const readLocal = async (digest: string) => (store.hasBlob(digest) ? store.readBlob(digest) : undefined);
  const image = await registry().resolve(parsed, platform, { signal, readLocal });
  const record = recordOf(parsed, image, store);
  lease.hold(partsOf(record));
  for (const { descriptor, bytes } of image.documents) await keep(store, { descriptor, bytes, signal });
  const work: LayerWork = { image: reference, repository: parsed, layers: record.layers };
  const fetched = await pullLayers(work, options);
  store.recordImage(record);
  onEvent({ type: 'pull.done', at: Date.now(), image: reference, digest: image.digest, fetched, durationMs: Date.now() - startedAt });
  return record;
}

function recordOf(
  reference: ImageReference,
  { digest, manifestDigest, manifest, config, documents }: RemoteImage,
  store: ImageStore,
): ImageRecord {
  if (manifest.layers.length !== config.diffIds.length) {
    const counts = `its manifest has ${manifest.layers.length} layers and its config ${config.diffIds.length}`;
    throw new TsstackError(`cannot use image \`${familiarReference(reference)}\`: ${counts}`, { code: 'image' });
  }
  const document = (wanted: string): ImageDocument | undefined => documents.find(({ descriptor }) => descriptor.digest === wanted);
  const sizeOf = (wanted: string) => document(wanted)?.bytes.length ?? 0;
  const own: Descriptor = { mediaType: manifest.mediaType, digest: manifestDigest, size: sizeOf(manifestDigest) };
  const target = digest === manifestDigest ? own : { mediaType: typeOf(document(digest), store), digest, size: sizeOf(digest) };
  return {
    version: 1,
    reference: formatReference(reference),
    target,
    manifest: own,
    config: plain(manifest.config),
    layers: manifest.layers.map((layer, index) => ({ ...plain(layer), diffId: config.diffIds[index] ?? '' })),
    recordedAt: Date.now(),
  };
}

/** An index that was here already came without the registry's word for what it is. */
function typeOf(document: ImageDocument | undefined, store: ImageStore): string {
  if (document === undefined) return '';
  if (document.descriptor.mediaType !== '') return document.descriptor.mediaType;
  return store.list().find(({ target }) => target.digest === document.descriptor.digest)?.target.mediaType ?? MEDIA_TYPES.ociIndex;
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

async function keep(store: ImageStore, { descriptor, bytes, signal }: ImageDocument & { readonly signal: AbortSignal }): Promise<void> {
  await using writer = await store.writeBlob({ ...descriptor, size: bytes.length }, signal);
  if (writer === undefined) return;
  if (writer.offset < bytes.length) await writer.write(bytes.subarray(writer.offset));
  await writer.commit();
}
