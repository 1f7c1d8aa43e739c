/** The layers of one image: fetched in parallel, each extracted as soon as its blob is there. */
import type { Platform } from '../codec/image-platform.ts';
import type { ImageRepository } from '../codec/image-reference.ts';
import type { OnEvent } from '../model/events.ts';
import type { ImageLayer } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import type { ImageStore } from './image-store.ts';
import type { Registry } from './registry/open.ts';

export interface PullOptions {
  readonly store: ImageStore;
  /** Opened when the first image needs it. */
  readonly registry: () => Registry;
  readonly platform: Platform;
  /** Gets all that the image consists of, so that nobody removes it before a record or a container says that it is needed. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
}

export interface LayerWork {
  /** As the events call it. */
  readonly image: string;
  readonly repository: ImageRepository;
  readonly layers: readonly ImageLayer[];
}

/** Bytes that had to be fetched. Nothing goes on when it rejects: with what failed first, or the signal's reason. */
export async function pullLayers({ image, repository, layers }: LayerWork, options: PullOptions): Promise<number> {
  const distinct = [...new Map(layers.map((layer) => [layer.diffId, layer])).values()];
  const blobs = [...new Map(layers.map(({ digest, size }) => [digest, { digest, size }])).values()];
  options.onEvent({ type: 'pull.layers', at: Date.now(), image, layers: blobs });
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const settled = await Promise.allSettled(
    distinct.map((layer) =>
      pullLayer(layer, { ...options, signal, image, repository }).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  return settled.reduce((sum, result) => sum + (result.status === 'fulfilled' ? result.value : 0), 0);
}

interface LayerOptions extends PullOptions {
  readonly image: string;
  readonly repository: ImageRepository;
}

async function pullLayer(layer: ImageLayer, options: LayerOptions): Promise<number> {
  const { store, signal } = options;
  const { digest, diffId, mediaType } = layer;
  const tell = teller(layer, options);
  const fetched = await fetchLayer(layer, options, (bytes) => tell('fetching', bytes));
  await store.extractLayer({ diffId, blob: digest, mediaType, signal, onProgress: (bytes) => tell('extracting', bytes) });
  tell('done', layer.size);
  return fetched;
}

async function fetchLayer(layer: ImageLayer, options: LayerOptions, onProgress: (bytes: number) => void): Promise<number> {
  const { store, registry, repository, signal } = options;
  const descriptor = { mediaType: layer.mediaType, digest: layer.digest, size: layer.size };
  await using writer = await store.writeBlob(descriptor, signal);
  if (writer === undefined) return 0;
  const before = writer.offset;
  await registry().fetchBlob(repository, descriptor, { sink: writer, signal, onProgress });
  await writer.commit();
  return layer.size - before;
}

const TELL_EVERY_MS = 100;

/** Every chunk would be thousands of events a second. */
function teller({ digest, size }: ImageLayer, { image, onEvent }: LayerOptions) {
  let toldAt = 0;
  let toldStage = '';
  return (stage: 'fetching' | 'extracting' | 'done', bytes: number): void => {
    const at = Date.now();
    if (stage === toldStage && at - toldAt < TELL_EVERY_MS) return;
    toldAt = at;
    toldStage = stage;
    onEvent({ type: 'pull.progress', at, image, layer: digest, stage, bytes, total: size });
  };
}
