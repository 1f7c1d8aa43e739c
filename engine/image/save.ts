/** Images of the store as one archive: an OCI image layout that `docker load` reads, too. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Descriptor } from '../codec/image-manifest.ts';
import { formatReference, parseReference } from '../codec/image-reference.ts';
import { blobStream } from '../store/blobs.ts';
import { parseDigest } from '../store/digest.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';
import { layerBlobStream } from './layer-blob.ts';

/** Two blocks of zeros end an archive (pax(1)). */
const BLOCK = 512;

/**
 * Each image for the platform it was pulled for. Ends without closing `output`.
 * @throws TsstackError `image` if a blob is missing; the error of `output`; the signal's reason.
 */
export async function saveImages(store: ImageStore, images: readonly ImageRecord[], output: Writable, signal: AbortSignal): Promise<void> {
  const blobs = new Map<string, Descriptor>();
  for (const { manifest, config, layers } of images) for (const part of [manifest, config, ...layers]) blobs.set(part.digest, part);
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.digest, layer] as const)));
  using _lease = store.lease([...blobs.keys(), ...[...layers.values()].map(({ diffId }) => diffId)]);
  await write(output, fileEntry('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })), signal);
  for (const { digest, size } of blobs.values()) {
    await write(output, header(blobName(digest), size), signal);
    const layer = layers.get(digest);
    const content = layer === undefined ? blobStream(store.context, digest, signal) : await layerBlobStream(store, layer, signal);
    for await (const chunk of content) await write(output, chunk as Buffer, signal);
    await write(output, padding(size), signal);
  }
  await write(output, fileEntry('index.json', JSON.stringify(indexOf(images))), signal);
  await write(output, fileEntry('manifest.json', JSON.stringify(images.map(dockerEntry))), signal);
  await write(output, Buffer.alloc(2 * BLOCK), signal);
}

function blobName(digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

function indexOf(images: readonly ImageRecord[]): object {
  return {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ manifest, reference }) => {
      const { tag } = parseReference(reference);
      const names = { 'io.containerd.image.name': reference, ...(tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag }) };
      return { ...manifest, annotations: names };
    }),
  };
}

/** Docker takes names with tags and no others: an image that has none is loaded by its id. */
function dockerEntry({ reference, config, layers }: ImageRecord): object {
  const { tag, ...rest } = parseReference(reference);
  const tags = tag === undefined ? [] : [formatReference({ ...rest, tag, digest: undefined })];
  return { Config: blobName(config.digest), RepoTags: tags, Layers: layers.map(({ digest }) => blobName(digest)) };
}

async function write(output: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (output.errored) throw output.errored;
  if (bytes.length > 0 && !output.write(bytes)) await once(output, 'drain', { signal });
}

function fileEntry(name: string, content: string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([header(name, bytes.length), bytes, padding(bytes.length)]);
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** tar(5), "POSIX ustar Archives". Of no day, so that the same images make the same archive. */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write('0000644\x000000000\x000000000\x00', 100);
  if (size < 8 ** 11) block.write(size.toString(8).padStart(11, '0'), 124);
  else {
    // GNU's extension for 8 GiB and more: the top bit, then a number.
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write('00000000000\x00        0', 136);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148);
  return block;
}
