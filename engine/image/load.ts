/** Images out of directories and archives: whichever of the two formats it is. */
import { TsstackError } from '../model/errors.ts';
import { openArchive } from './archive-directory.ts';
import { loadDockerArchive } from './docker-archive.ts';
import type { ImageStore } from './image-store.ts';
import { type LoadedImage, type LoadOptions, loadOciLayout } from './oci-layout.ts';

/**
 * Into the store: blobs and manifests, no records yet. Docker writes both formats into one archive since 25: then the OCI one counts.
 * @param source an OCI layout directory or archive, or one of `docker save`. @throws TsstackError `image`; the signal's reason.
 */
export async function loadImages(store: ImageStore, source: string, options: LoadOptions): Promise<readonly LoadedImage[]> {
  await using archive = await openArchive(store, source, options.signal);
  if (archive.has('index.json') && archive.has('oci-layout')) return await loadOciLayout(store, archive, options);
  if (archive.has('manifest.json')) return await loadDockerArchive(store, archive, options);
  throw new TsstackError(`cannot load \`${source}\`: it is neither an OCI image layout nor an archive of \`docker save\``, {
    code: 'image',
  });
}
