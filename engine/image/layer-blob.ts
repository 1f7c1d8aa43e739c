import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { TsstackError } from '../model/errors.ts';
import { blobStream } from '../store/blobs.ts';
import { parseDigest, shortDigest } from '../store/digest.ts';
import type { ImageLayer } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';
import { packLayer } from './pack.ts';

/**
 * What a registry or an archive has of the layer. One that was made here is packed again: no blob of it is kept. To be called with a
 * lease on it. @throws TsstackError `image` if it isn't there. The stream fails so, at its end, if it isn't what it should be.
 */
export async function layerBlobStream(store: ImageStore, layer: ImageLayer, signal: AbortSignal): Promise<Readable> {
  const { context } = store;
  if (store.hasBlob(layer.digest)) return blobStream(context, layer.digest, signal);
  const directory = store.layerDirectory(layer.diffId);
  if (directory === undefined || layer.digest !== layer.diffId) {
    throw new TsstackError(`cannot read layer \`${shortDigest(layer.digest)}\`: it is not here`, {
      code: 'image',
      hint: 'pull or build the image again',
    });
  }
  const { stream } = packLayer({ launcherBinary: context.launcherBinary, directory, signal });
  return Readable.from(verified(stream, layer.digest), { objectMode: false });
}

async function* verified(stream: Readable, digest: string): AsyncGenerator<Buffer> {
  const { algorithm } = parseDigest(digest);
  const hash = createHash(algorithm);
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    yield chunk as Buffer;
  }
  const found = `${algorithm}:${hash.digest('hex')}`;
  if (found === digest) return;
  throw new TsstackError(`cannot read layer \`${shortDigest(digest)}\`: its directory was changed, and is \`${shortDigest(found)}\` now`, {
    code: 'image',
    hint: 'remove the image and build it again',
  });
}
