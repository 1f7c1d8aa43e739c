/** What the manifest and the config of a stored image say of its parts. */

import { parseImageConfig } from '../codec/image-config.ts';
import { type Descriptor, type IndexEntry, type ManifestDocument, MEDIA_TYPES, parseManifest } from '../codec/image-manifest.ts';
import { choosePlatform, formatPlatform, type Platform } from '../codec/image-platform.ts';
import { TsstackError } from '../model/errors.ts';
import { parseDigest } from '../store/digest.ts';
import type { ImageLayer, ImageRecord } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';

export const OCI_MANIFEST = MEDIA_TYPES.ociManifest;
export const OCI_CONFIG = MEDIA_TYPES.ociConfig;
/** image-spec, layer.md: not compressed. */
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** A JSON object of a blob or file. @throws TsstackError `image` naming it. */
export function parseObject(text: Uint8Array | string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(typeof text === 'string' ? text : new TextDecoder().decode(text));
  } catch (error) {
    throw new TsstackError(`cannot read ${what}: it is not JSON`, { code: 'image', cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  throw new TsstackError(`cannot read ${what}: it is not an object`, { code: 'image' });
}

/** @param mediaType what its descriptor says, undefined if there is none. @throws TsstackError `image`. */
export function readDocument(content: Uint8Array, mediaType: string | undefined, what: string): ManifestDocument {
  return explained(`cannot read ${what}: it`, () => parseManifest(new TextDecoder().decode(content), mediaType));
}

/** @throws TsstackError `image` if there is none for the platform, with those there are. */
export function chooseManifest(entries: readonly IndexEntry[], platform: Platform, what: string): IndexEntry {
  const found = choosePlatform(entries, platform);
  if (found !== undefined) return found;
  const others = entries.flatMap((entry) => (entry.platform === undefined ? [] : [formatPlatform(entry.platform)]));
  throw new TsstackError(
    `cannot use ${what} on ${formatPlatform(platform)}: it is for ${[...new Set(others)].join(', ') || 'no platform it names'}`,
    { code: 'image' },
  );
}

/** The record of an image whose manifest and config are in the store. @throws TsstackError `image` if they contradict each other. */
export function describeImage(
  store: Pick<ImageStore, 'readBlob'>,
  { reference, target, manifest, recordedAt }: Pick<ImageRecord, 'reference' | 'target' | 'manifest' | 'recordedAt'>,
): ImageRecord {
  const document = readDocument(store.readBlob(manifest.digest), manifest.mediaType, `the manifest of \`${reference}\``);
  if (document.kind !== 'manifest')
    throw new TsstackError(`cannot use image \`${reference}\`: its manifest is an index`, { code: 'image' });
  const { config, layers } = document;
  const diffIds = diffIdsOf(store.readBlob(config.digest), reference);
  if (diffIds.length !== layers.length) {
    throw new TsstackError(`cannot use image \`${reference}\`: its manifest has ${layers.length} layers and its config ${diffIds.length}`, {
      code: 'image',
    });
  }
  const both = layers.map((layer, index): ImageLayer => ({ ...plain(layer), diffId: diffIds[index] ?? '' }));
  return { version: 1, reference, target: plain(target), manifest: plain(manifest), config: plain(config), layers: both, recordedAt };
}

function diffIdsOf(config: Uint8Array, reference: string): readonly string[] {
  const what = `cannot read the config of \`${reference}\`: it`;
  const { diffIds } = explained(what, () => parseImageConfig(new TextDecoder().decode(config)));
  for (const id of diffIds) parseDigest(id);
  return diffIds;
}

/** Codecs say why after what the caller knows it of. */
function explained<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new TsstackError(`${what} ${error instanceof Error ? error.message : String(error)}`, { code: 'image', cause: error });
  }
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
