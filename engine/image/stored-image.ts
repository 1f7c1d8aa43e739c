/** What the manifest and the config of a stored image say of its parts (image-spec: manifest.md, config.md, image-index.md). */

import type { Descriptor } from '../codec/image-manifest.ts';
import { TsstackError } from '../model/errors.ts';
import { parseDigest } from '../store/digest.ts';
import type { ImageLayer, ImageRecord } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const DOCKER_INDEX = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

/** As in image-index.md: `linux`, `amd64`, `v8`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

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

/** @throws TsstackError `image` if it is none, or its digest isn't. */
export function parseDescriptor(value: unknown, what: string): IndexEntry {
  const { mediaType, digest, size, platform, annotations } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new TsstackError(`cannot read ${what}: it has no media type, digest and size where they should be`, { code: 'image' });
  parseDigest(digest);
  return {
    mediaType,
    digest,
    size,
    platform: platform as Platform | undefined,
    annotations: annotations as Readonly<Record<string, string>> | undefined,
  };
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export function parseManifest(content: Uint8Array, what: string): Manifest {
  const { config, layers } = parseObject(content, what);
  if (!Array.isArray(layers)) throw new TsstackError(`cannot read ${what}: it has no layers`, { code: 'image' });
  return { config: plain(parseDescriptor(config, what)), layers: layers.map((layer) => plain(parseDescriptor(layer, what))) };
}

/** @throws TsstackError `image` if there is none for the platform, with those there are. */
export function chooseManifest(entries: readonly IndexEntry[], platform: Platform, what: string): IndexEntry {
  const fits = entries.filter((entry) => entry.platform?.os === platform.os && entry.platform.architecture === platform.architecture);
  const found =
    fits.find((entry) => entry.platform?.variant === platform.variant) ??
    fits[0] ??
    (entries.length === 1 && !entries[0]?.platform ? entries[0] : undefined);
  if (found !== undefined) return found;
  const others = entries.flatMap((entry) => (entry.platform ? [`${entry.platform.os}/${entry.platform.architecture}`] : []));
  throw new TsstackError(
    `cannot use ${what} on ${platform.os}/${platform.architecture}: it is for ${[...new Set(others)].join(', ') || 'no platform it names'}`,
    {
      code: 'image',
    },
  );
}

/** The record of an image whose manifest and config are in the store. @throws TsstackError `image` if they contradict each other. */
export function describeImage(
  store: Pick<ImageStore, 'readBlob'>,
  { reference, target, manifest, recordedAt }: Pick<ImageRecord, 'reference' | 'target' | 'manifest' | 'recordedAt'>,
): ImageRecord {
  const { config, layers } = parseManifest(store.readBlob(manifest.digest), `the manifest of \`${reference}\``);
  const diffIds = diffIdsOf(store.readBlob(config.digest), reference);
  if (diffIds.length !== layers.length) {
    throw new TsstackError(`cannot use image \`${reference}\`: its manifest has ${layers.length} layers and its config ${diffIds.length}`, {
      code: 'image',
    });
  }
  const both = layers.map((layer, index): ImageLayer => ({ ...layer, diffId: diffIds[index] ?? '' }));
  return { version: 1, reference, target: plain(target), manifest: plain(manifest), config, layers: both, recordedAt };
}

function diffIdsOf(config: Uint8Array, reference: string): readonly string[] {
  const what = `the config of \`${reference}\``;
  const { rootfs } = parseObject(config, what) as { readonly rootfs?: { readonly diff_ids?: unknown } };
  const found = rootfs?.diff_ids;
  if (!Array.isArray(found) || !found.every((id): id is string => typeof id === 'string'))
    throw new TsstackError(`cannot read ${what}: it has no \`rootfs.diff_ids\``, { code: 'image' });
  for (const id of found) parseDigest(id);
  return found;
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
