/** Images of archives, recorded under the names that they have there. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hostPlatform } from '../codec/image-platform.ts';
import { familiarReference, formatReference, type ImageReference, parseReference } from '../codec/image-reference.ts';
import type { ImageStore } from '../image/image-store.ts';
import { loadImages } from '../image/load.ts';
import { describeImage } from '../image/stored-image.ts';
import type { LoadedImage } from '../model/images.ts';
import { ObjectLock } from '../store/object-lock.ts';
import { storeError } from '../store/store-error.ts';

/** Of images that have no name: they can still be found by their digest. */
const NAMELESS = { registry: 'tsstack.local', repository: 'loaded' };

/**
 * All of them or, where one is broken, none. Layers are extracted when a container first needs them.
 * @throws TsstackError `image`; the signal's reason.
 */
export async function loadHostImages(store: ImageStore, source: string | Readable, signal: AbortSignal): Promise<readonly LoadedImage[]> {
  if (typeof source !== 'string') return withSpooled(store, source, { signal, use: (file) => loadHostImages(store, file, signal) });
  using lease = store.lease([]);
  const loaded = await loadImages(store, source, { platform: hostPlatform(process.arch), lease, signal });
  const recordedAt = Date.now();
  const records = loaded.map(({ name, target, manifest }) => {
    const reference = referenceOf(name, target.digest);
    return { reference, record: describeImage(store, { reference: formatReference(reference), target, manifest, recordedAt }) };
  });
  for (const { record } of records) store.recordImage(record);
  return records.map(({ reference, record }) => ({
    reference: record.reference,
    name: familiarReference(reference),
    digest: record.target.digest,
  }));
}

/** As Docker: without a registry it is `docker.io`, without a tag `latest`. */
function referenceOf(name: string | undefined, digest: string): ImageReference {
  return name === undefined ? { ...NAMELESS, tag: undefined, digest } : parseReference(name);
}

/** An archive is read more than once, which a pipe can't be. */
async function withSpooled<T>(
  { context: { paths } }: ImageStore,
  content: Readable,
  { signal, use }: { readonly signal: AbortSignal; readonly use: (file: string) => Promise<T> },
): Promise<T> {
  const name = `stdin-${randomBytes(8).toString('hex')}`;
  const file = `${paths.scratch}/${name}`;
  // Nobody else knows the name: the lock tells garbage collection that it is in use.
  using _lock = ObjectLock.tryAcquire(`${paths.locks}/scratch-${name}`);
  try {
    try {
      await pipeline(content, fs.createWriteStream(file, { mode: 0o600 }), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw storeError('cannot load the archive from standard input', error);
    }
    return await use(file);
  } finally {
    await rm(file, { force: true });
  }
}
