/** An image of the store → a registry: blobs in parallel, then the manifest, so that what has a name there is whole. */
import { Readable } from 'node:stream';
import type { Descriptor } from '../codec/image-manifest.ts';
import { formatReference, type ImageReference, parseReference } from '../codec/image-reference.ts';
import { TsstackError } from '../model/errors.ts';
import type { PushedImage, PushProgress } from '../model/images.ts';
import { blobStream } from '../store/blobs.ts';
import { type ImageRecord, partsOf } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';
import { layerBlobStream } from './layer-blob.ts';
import { allOrFirst } from './pull.ts';
import type { Registry } from './registry/open.ts';

export interface PushImageOptions {
  readonly store: ImageStore;
  readonly registry: Registry;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PushProgress) => void;
}

/**
 * The image for this machine alone, even where its reference named an index, and as it is: layers that were made here go uncompressed,
 * so that their digests are the same everywhere.
 * @throws TsstackError `image`; the signal's reason. What was sent until then stays at the registry, under no name.
 */
export async function pushImage(record: ImageRecord, to: ImageReference, options: PushImageOptions): Promise<PushedImage> {
  const { store, registry, onProgress } = options;
  const startedAt = Date.now();
  const reference = formatReference(to);
  if (to.registry === OWN_NAMES) {
    throw new TsstackError(`cannot push \`${reference}\`: an image without a name of its own is at no registry`, {
      code: 'image',
      hint: '`--to REFERENCE` gives it one; `tags` of a build do, too',
    });
  }
  using _lease = store.lease(partsOf(record));
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const blobs = blobsOf(record, { ...options, signal });
  for (const { descriptor } of blobs) onProgress({ image: reference, ...stateOf(descriptor, 'waiting', 0) });
  const sent = await allOrFirst(
    blobs.map((blob) =>
      pushBlob(blob, { to, mountFrom: otherRepository(store, to, blob.descriptor.digest), registry, signal, onProgress }).catch(
        (error: unknown) => {
          failed.abort(error);
          throw error;
        },
      ),
    ),
    failed.signal,
  );
  const bytes = store.readBlob(record.manifest.digest);
  const name = to.tag ?? record.manifest.digest;
  const digest = await registry.putManifest(to, name, { mediaType: record.manifest.mediaType, bytes, signal });
  return { reference, digest, sent: sent.reduce((sum, size) => sum + size, 0), durationMs: Date.now() - startedAt };
}

/** Of images that were made here under no name that anybody gave them. */
const OWN_NAMES = 'tsstack.local';

interface Blob {
  readonly descriptor: Descriptor;
  readonly open: () => Readable;
}

/** Each once. */
function blobsOf({ config, layers }: ImageRecord, { store, signal }: PushImageOptions): readonly Blob[] {
  const blobs = new Map<string, Blob>();
  for (const layer of layers) {
    const { mediaType, digest, size } = layer;
    blobs.set(digest, { descriptor: { mediaType, digest, size }, open: () => lazily(() => layerBlobStream(store, layer, signal)) });
  }
  blobs.set(config.digest, { descriptor: config, open: () => blobStream(store.context, config.digest, signal) });
  return [...blobs.values()];
}

function lazily(open: () => Promise<Readable>): Readable {
  const content = async function* (): AsyncGenerator<Buffer> {
    yield* (await open()) as AsyncIterable<Buffer>;
  };
  return Readable.from(content(), { objectMode: false });
}

interface PushBlob extends Omit<PushImageOptions, 'store'> {
  readonly to: ImageReference;
  readonly mountFrom: string | undefined;
}

/** Bytes sent. */
async function pushBlob({ descriptor, open }: Blob, { to, mountFrom, registry, signal, onProgress }: PushBlob): Promise<number> {
  const image = formatReference(to);
  let toldAt = 0;
  const outcome = await registry.putBlob(
    to,
    { descriptor, open, mountFrom },
    {
      signal,
      onProgress(bytes) {
        const now = Date.now();
        if (now - toldAt < TELL_EVERY_MS) return;
        toldAt = now;
        onProgress({ image, ...stateOf(descriptor, 'sending', bytes) });
      },
    },
  );
  onProgress({ image, ...stateOf(descriptor, outcome, descriptor.size) });
  return outcome === 'sent' ? descriptor.size : 0;
}

const TELL_EVERY_MS = 100;

function stateOf({ digest, size }: Descriptor, state: PushProgress['state'], bytes: number): Omit<PushProgress, 'image'> {
  return { digest, state, bytes, total: size };
}

/** One of the same registry that an image with this blob came from, or went to under that name. */
function otherRepository(store: ImageStore, to: ImageReference, digest: string): string | undefined {
  for (const { reference, config, layers } of store.list()) {
    const { registry, repository } = parseReference(reference);
    if (registry !== to.registry || repository === to.repository) continue;
    if (config.digest === digest || layers.some((layer) => layer.digest === digest)) return repository;
  }
  return undefined;
}
