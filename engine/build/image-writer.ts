/** What a build has made → an image in the store. */
import { createHash } from 'node:crypto';
import type { Descriptor } from '../codec/image-manifest.ts';
import type { ImageStore } from '../image/image-store.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../image/stored-image.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import type { StageState } from './stage.ts';
import { configDocument } from './stage-config.ts';

export interface WriteImageOptions {
  readonly store: ImageStore;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Normalized. The image is recorded under each. */
  readonly references: readonly [string, ...string[]];
  /** As in the record. */
  readonly bases: readonly string[];
}

/** @returns the record of the first reference. @throws TsstackError `image`; the signal's reason. */
export async function writeImage({ layers, config }: StageState, options: WriteImageOptions): Promise<ImageRecord> {
  const diffIds = layers.map(({ diffId }) => diffId);
  const ociLayers = layers.map(({ mediaType, digest, size }) => ({ mediaType: ociLayerType(mediaType), digest, size }));
  const configBlob = await keep(OCI_CONFIG, configDocument(config, diffIds), options);
  const manifestText = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: configBlob, layers: ociLayers });
  const manifest = await keep(OCI_MANIFEST, manifestText, options);
  const [reference, ...others] = options.references;
  const record: ImageRecord = {
    version: 1,
    reference,
    target: manifest,
    manifest,
    config: configBlob,
    layers: ociLayers.map((layer, index) => ({ ...layer, diffId: diffIds[index] ?? '' })),
    recordedAt: Date.now(),
    bases: options.bases,
  };
  // The one by which it is found again comes last: with it all the others are there.
  for (const other of others) options.store.recordImage({ ...record, reference: other });
  options.store.recordImage(record);
  return record;
}

async function keep(mediaType: string, text: string, { store, lease, signal }: WriteImageOptions): Promise<Descriptor> {
  const content = Buffer.from(text);
  lease.hold([`sha256:${createHash('sha256').update(content).digest('hex')}`]);
  return await store.storeContent(mediaType, content, signal);
}

/** An OCI manifest names OCI's media types: these are the same (image-spec, media-types.md, "Compatibility Matrix"). */
function ociLayerType(mediaType: string): string {
  return DOCKER_LAYERS[mediaType] ?? mediaType;
}

const DOCKER_LAYERS: Readonly<Record<string, string>> = {
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
};
