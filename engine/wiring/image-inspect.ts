/** All that is known of an image that is here. */
import { formatPlatform } from '../codec/image-platform.ts';
import type { ImageStore } from '../image/image-store.ts';
import { parseObject } from '../image/stored-image.ts';
import type { ImageDetail, LayerDetail } from '../model/images.ts';
import type { ImageLayer, ImageRecord } from '../store/image-records.ts';
import { imageListing } from './image-listing.ts';

/** `users`: containers by the digest of the manifest they were made of. @throws TsstackError `image` if its config can't be read. */
export function inspectImage(store: ImageStore, record: ImageRecord, users: ReadonlyMap<string, readonly string[]>): ImageDetail {
  const document = parseObject(store.readBlob(record.config.digest), `the config of \`${record.reference}\``);
  const { os, architecture, variant, created, config, history } = document;
  const others = store.list().filter(({ manifest }) => manifest.digest !== record.manifest.digest);
  return {
    ...imageListing(record, users),
    manifestDigest: record.manifest.digest,
    configDigest: record.config.digest,
    platform: formatPlatform({ os: textOf(os), architecture: textOf(architecture), variant: textOf(variant) }),
    created: typeof created === 'string' && created !== '' ? created : undefined,
    config: typeof config === 'object' && config !== null ? (config as Readonly<Record<string, unknown>>) : {},
    history: Array.isArray(history) ? history : [],
    layers: record.layers.map((layer) => layerDetail(store, layer, others)),
  };
}

function layerDetail(store: ImageStore, layer: ImageLayer, others: readonly ImageRecord[]): LayerDetail {
  const { digest, diffId, mediaType, size } = layer;
  const directory = store.layerDirectory(diffId);
  return {
    digest,
    diffId,
    mediaType,
    size,
    directory,
    contentSize: directory === undefined ? undefined : store.layerFacts(diffId).bytes,
    sharedWith: others.filter(({ layers }) => layers.some((other) => other.diffId === diffId)).map(({ reference }) => reference),
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
