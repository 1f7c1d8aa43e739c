/** Images small enough to be written in a test, and sinks to fetch them into. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../engine/codec/digest.ts';
import { type Descriptor, MEDIA_TYPES } from '../../engine/codec/image-manifest.ts';
import type { BlobSink } from '../../engine/image/registry/blobs.ts';

export interface SmallImage {
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
  readonly descriptor: Descriptor;
}

/** Layers that no tar reader would like: who only carries them does not mind. */
export function smallImage({
  architecture = 'amd64',
  variant,
  layers = [Buffer.from('layer')],
  config = {},
}: {
  readonly architecture?: string;
  readonly variant?: string;
  readonly layers?: readonly Buffer[];
  readonly config?: Readonly<Record<string, unknown>>;
} = {}): SmallImage {
  const packed = layers.map((layer) => gzipSync(layer, { level: 1 }));
  const document = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture,
      variant,
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: descriptorOf(document, MEDIA_TYPES.ociConfig),
      layers: packed.map((layer) => descriptorOf(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
    }),
  );
  return { manifest, config: document, layers: packed, descriptor: descriptorOf(manifest, MEDIA_TYPES.ociManifest) };
}

export function indexOf(entries: readonly (SmallImage & { readonly platform: string })[]): Buffer {
  const manifests = entries.map(({ descriptor, platform }) => {
    const [os, architecture, variant] = platform.split('/');
    return { ...descriptor, platform: { os, architecture, variant } };
  });
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
}

export function descriptorOf(content: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, size: content.length };
}

/** Holds what it was given to begin with, and remembers how often it was emptied. */
export function testSink(
  descriptor: Descriptor,
  held: Uint8Array = new Uint8Array(),
): BlobSink & { content(): Buffer; restarts(): number } {
  let content = Buffer.from(held);
  let restarts = 0;
  return {
    get offset() {
      return content.length;
    },
    write(chunk) {
      content = Buffer.concat([content, chunk]);
    },
    digest: () => digestOf(content, descriptor.digest),
    restart() {
      content = Buffer.alloc(0);
      restarts += 1;
    },
    content: () => content,
    restarts: () => restarts,
  };
}
