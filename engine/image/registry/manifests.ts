/** From a reference to the manifest and config of the image for one platform. */
import { digestOf, parseDigest } from '../../codec/digest.ts';
import { type ImageConfig, parseImageConfig } from '../../codec/image-config.ts';
import {
  type Descriptor,
  type ImageManifest,
  type IndexEntry,
  MANIFEST_TYPES,
  type ManifestDocument,
  parseManifest,
} from '../../codec/image-manifest.ts';
import { choosePlatform, formatPlatform, type Platform, platformFits } from '../../codec/image-platform.ts';
import type { ImageReference } from '../../codec/image-reference.ts';
import { memorySink, transferBlob } from './blobs.ts';
import type { Client } from './client.ts';
import type { Endpoint } from './endpoint.ts';
import { readBody } from './exchange.ts';
import { networkFailure, RegistryFailure } from './failures.ts';

/** A manifest, index or config as it came, to be kept under its digest. */
export interface ImageDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface RemoteImage {
  readonly reference: ImageReference;
  /** Of what the reference names: the index if there is one. What a reference by digest would have to say. */
  readonly digest: string;
  /** Of the manifest for the platform. */
  readonly manifestDigest: string;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** Index (if any), manifest, config. */
  readonly documents: readonly ImageDocument[];
}

export interface Lookup {
  readonly client: Client;
  readonly endpoint: Endpoint;
  readonly reference: ImageReference;
  readonly platform: Platform;
  /** Content we have already, by digest: it is not asked for again. It must be what its digest says. */
  readonly readLocal: ((digest: string) => Promise<Uint8Array | undefined>) | undefined;
  readonly doing: string;
  readonly signal: AbortSignal;
}

/** The limit registries have themselves (distribution-spec, "Pushing Manifests"). */
const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_CONFIG_BYTES = 16 << 20;

/** Rejects with a `RegistryFailure`. */
export async function lookUpImage(lookup: Lookup): Promise<RemoteImage> {
  const { reference, platform, doing } = lookup;
  const top = await fetchNamed(lookup);
  const documents: ImageDocument[] = [top];
  let manifest = read(top, doing);
  if (manifest.kind === 'index') {
    const entry = chosen(manifest.manifests, platform, doing);
    const document = await fetchManifest(lookup, entry.digest, entry);
    documents.push(document);
    manifest = read(document, doing);
    if (manifest.kind === 'index') throw wrong(doing, 'its index holds another index for this platform');
  }
  const { kind: _, ...image } = manifest;
  const config = await fetchConfig(lookup, image.config);
  const parsed = readConfig(config.bytes, image, { platform, doing });
  return {
    reference,
    digest: top.descriptor.digest,
    manifestDigest: documents.at(-1)?.descriptor.digest ?? top.descriptor.digest,
    manifest: image,
    config: parsed,
    documents: [...documents, config],
  };
}

/** A tag is asked for by HEAD first if there is something it may name already: Docker Hub does not count that against its limit. */
async function fetchNamed(lookup: Lookup): Promise<ImageDocument> {
  const { reference, readLocal } = lookup;
  if (reference.digest !== undefined) return await fetchManifest(lookup, reference.digest);
  const tag = reference.tag ?? 'latest';
  const digest = readLocal === undefined ? undefined : await headDigest(lookup, tag);
  return await fetchManifest(lookup, digest !== undefined && (await readLocal?.(digest)) !== undefined ? digest : tag);
}

async function headDigest(lookup: Lookup, tag: string): Promise<string | undefined> {
  const { response, status } = await request(lookup, 'HEAD', tag);
  response.resume();
  const digest = response.headers['docker-content-digest'];
  return status === 200 && typeof digest === 'string' && parseDigest(digest) !== undefined ? digest : undefined;
}

async function fetchManifest(lookup: Lookup, name: string, expected?: Descriptor): Promise<ImageDocument> {
  const { readLocal, doing, endpoint, signal } = lookup;
  const digest = parseDigest(name) === undefined ? undefined : name;
  const local = digest === undefined ? undefined : await readLocal?.(digest);
  if (digest !== undefined && local !== undefined) return documentOf(local, expected?.mediaType, digest);
  const { response } = await request(lookup, 'GET', name);
  const bytes = await readBody(response, MAX_MANIFEST_BYTES).catch((error) => {
    signal.throwIfAborted();
    throw networkFailure(error, doing, { host: endpoint.host, reached: true });
  });
  if (bytes === undefined) throw wrong(doing, `its manifest is larger than ${MAX_MANIFEST_BYTES >> 20} MiB`);
  const said = response.headers['docker-content-digest'];
  const wanted = digest ?? (typeof said === 'string' && parseDigest(said) !== undefined ? said : undefined);
  const found = digestOf(bytes, wanted);
  if (wanted !== undefined && found !== wanted) {
    throw wrong(doing, `\`${endpoint.host}\` sent a manifest that is \`${found}\`, not \`${wanted}\``);
  }
  return documentOf(bytes, response.headers['content-type']?.split(';')[0]?.trim(), found);
}

function request({ client, endpoint, reference, doing, signal }: Lookup, method: 'GET' | 'HEAD', name: string) {
  const repository = `${endpoint.prefix}${reference.repository}`;
  return client.send(endpoint, {
    method,
    target: `${repository}/manifests/${name}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
    // What HEAD does not say, GET does.
    accept: method === 'HEAD' ? [400, 403, 404, 405, 500, 501] : [],
    scopes: [`repository:${repository}:pull`],
    doing,
    what: `${repository}${name.includes(':') ? '@' : ':'}${name}`,
    signal,
  });
}

function documentOf(bytes: Uint8Array, mediaType: string | undefined, digest: string): ImageDocument {
  return { bytes, descriptor: { mediaType: mediaType ?? '', digest, size: bytes.length } };
}

function read({ bytes, descriptor }: ImageDocument, doing: string): ManifestDocument {
  try {
    return parseManifest(Buffer.from(bytes).toString('utf8'), descriptor.mediaType === '' ? undefined : descriptor.mediaType);
  } catch (error) {
    throw wrong(doing, `its manifest ${(error as Error).message}`, error);
  }
}

function chosen(entries: readonly IndexEntry[], platform: Platform, doing: string): IndexEntry {
  const entry = choosePlatform(entries, platform);
  if (entry !== undefined) return entry;
  const named = entries.flatMap((candidate) => (candidate.platform === undefined ? [] : [formatPlatform(candidate.platform)]));
  // BuildKit keeps attestations under this one.
  const there = [...new Set(named)].filter((name) => name !== 'unknown/unknown').sort();
  const choice = there.length === 0 ? 'for nothing else either' : `only for ${there.join(', ')}`;
  throw noPlatform(doing, `there is no image for ${formatPlatform(platform)}, ${choice}`);
}

async function fetchConfig(
  { client, endpoint, reference, readLocal, doing, signal }: Lookup,
  descriptor: Descriptor,
): Promise<ImageDocument> {
  const local = await readLocal?.(descriptor.digest);
  if (local !== undefined) return { descriptor, bytes: local };
  if (descriptor.size > MAX_CONFIG_BYTES) throw wrong(doing, `its config is larger than ${MAX_CONFIG_BYTES >> 20} MiB`);
  const sink = memorySink(descriptor);
  await transferBlob({ client, endpoint, repository: `${endpoint.prefix}${reference.repository}`, descriptor, sink, doing, signal });
  return { descriptor, bytes: sink.content() };
}

function readConfig(
  bytes: Uint8Array,
  { layers }: ImageManifest,
  { platform, doing }: { readonly platform: Platform; readonly doing: string },
): ImageConfig {
  let config: ImageConfig;
  try {
    config = parseImageConfig(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw wrong(doing, `its config ${(error as Error).message}`, error);
  }
  if (!platformFits(config.platform, platform)) {
    throw noPlatform(doing, `it is for ${formatPlatform(config.platform)}, not for ${formatPlatform(platform)}`);
  }
  if (config.diffIds.length !== layers.length) {
    throw wrong(doing, `its manifest has ${layers.length} layers and its config ${config.diffIds.length}`);
  }
  const unverifiable = config.diffIds.find((diffId) => parseDigest(diffId) === undefined);
  if (unverifiable !== undefined) throw wrong(doing, `its config names a layer \`${unverifiable}\`, which is no digest`);
  return config;
}

function wrong(doing: string, why: string, cause?: unknown): RegistryFailure {
  return new RegistryFailure(doing, why, { kind: 'wrong-content', cause, hint: 'it must be pushed anew' });
}

function noPlatform(doing: string, why: string): RegistryFailure {
  return new RegistryFailure(doing, why, { kind: 'no-platform', hint: 'use a tag that was made for it, or build the image for it' });
}
