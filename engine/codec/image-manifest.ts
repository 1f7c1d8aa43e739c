/** Manifests and indexes: OCI image-spec `manifest.md` and `image-index.md`, and Docker's image manifest V2, schema 2. */
import { parseDigest } from './digest.ts';
import type { Platform } from './image-platform.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface ImageManifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform | undefined;
}

export type ManifestDocument =
  | ({ readonly kind: 'manifest' } & ImageManifest)
  | { readonly kind: 'index'; readonly mediaType: string; readonly manifests: readonly IndexEntry[] };

export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/** In the order of preference; what a registry is asked for. */
export const MANIFEST_TYPES: readonly string[] = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.dockerList,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifest,
];

export type LayerCompression = 'none' | 'gzip' | 'zstd';

/** Undefined: not a layer we can use. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  switch (mediaType) {
    case 'application/vnd.oci.image.layer.v1.tar':
    case 'application/vnd.docker.image.rootfs.diff.tar':
      return 'none';
    case 'application/vnd.oci.image.layer.v1.tar+gzip':
    case 'application/vnd.docker.image.rootfs.diff.tar.gzip':
      return 'gzip';
    case 'application/vnd.oci.image.layer.v1.tar+zstd':
    case 'application/vnd.docker.image.rootfs.diff.tar.zstd':
      return 'zstd';
    default:
      return undefined;
  }
}

/**
 * Throws `Error` with why it is none (after "the manifest"): the caller knows of what. `mediaType` is what the registry said it is,
 * undefined where nobody did.
 */
export function parseManifest(text: string, mediaType: string | undefined): ManifestDocument {
  const value = parseObject(text);
  const type = documentType(value, mediaType);
  // One text must not be two things to two readers (image-spec, "mediaType": GHSA-77vh-xpmg-72qh).
  const isIndex = type === MEDIA_TYPES.ociIndex || type === MEDIA_TYPES.dockerList;
  if ('manifests' in value ? 'config' in value || 'layers' in value || !isIndex : isIndex) {
    throw new Error(`is \`${type}\` by its type and something else by its content`);
  }
  if (isIndex) return { kind: 'index', mediaType: type, manifests: list(value, 'manifests').map(indexEntry) };
  const config = descriptor(value['config'], 'config');
  if (config.mediaType !== MEDIA_TYPES.ociConfig && config.mediaType !== MEDIA_TYPES.dockerConfig) {
    throw new Error(`is of no container image: its config is \`${config.mediaType}\``);
  }
  const layers = list(value, 'layers').map((layer, index) => descriptor(layer, `layers[${index}]`));
  const unknown = layers.find((layer) => layerCompression(layer.mediaType) === undefined);
  if (unknown !== undefined) throw new Error(`has a layer that cannot be used: \`${unknown.mediaType}\``);
  return { kind: 'manifest', mediaType: type, config, layers, annotations: annotationsOf(value) ?? {} };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('is not JSON', { cause: error });
  }
  if (!isObject(value)) throw new Error('is not an object');
  return value;
}

function documentType(value: Readonly<Record<string, unknown>>, said: string | undefined): string {
  if (value['schemaVersion'] === 1 || said?.startsWith('application/vnd.docker.distribution.manifest.v1+')) {
    throw new Error('is of schema 1, which Docker gave up in 2017: the image must be pushed anew');
  }
  if (value['schemaVersion'] !== 2) throw new Error('is not of schema version 2');
  const own = value['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw new Error('has a `mediaType` that is not text');
  const known = said !== undefined && MANIFEST_TYPES.includes(said) ? said : undefined;
  if (own !== undefined && known !== undefined && own !== known) throw new Error(`is \`${own}\`, and was sent as \`${known}\``);
  const type = own ?? known ?? ('manifests' in value ? MEDIA_TYPES.ociIndex : MEDIA_TYPES.ociManifest);
  if (!MANIFEST_TYPES.includes(type)) throw new Error(`has a type we do not know: \`${type}\``);
  return type;
}

function indexEntry(value: unknown, index: number): IndexEntry {
  const entry = descriptor(value, `manifests[${index}]`);
  const platform = isObject(value) ? value['platform'] : undefined;
  if (!isObject(platform)) return entry;
  const { os, architecture, variant } = platform;
  if (typeof os !== 'string' || typeof architecture !== 'string')
    throw new Error(`has no os or architecture in manifests[${index}].platform`);
  return { ...entry, platform: { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) } };
}

function descriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw new Error(`has no \`${where}\``);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== 'string' || mediaType === '') throw new Error(`has no media type in \`${where}\``);
  if (typeof digest !== 'string' || parseDigest(digest) === undefined) throw new Error(`has no valid digest in \`${where}\``);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new Error(`has no valid size in \`${where}\``);
  const annotations = annotationsOf(value);
  return { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) };
}

function annotationsOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> | undefined {
  const { annotations } = value;
  if (!isObject(annotations)) return undefined;
  return Object.fromEntries(Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function list(value: Readonly<Record<string, unknown>>, key: string): readonly unknown[] {
  const found = value[key];
  if (!Array.isArray(found)) throw new Error(`has no \`${key}\``);
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
