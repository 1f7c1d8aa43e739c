/** Images that come from no registry: loaded from an archive, made of Debian's packages, built. */
import type { ImageRecord } from '../store/image-records.ts';
import { findArchive, loadArchive } from './archive-image.ts';
import { buildFromRecipe, findBuilt } from './build-image.ts';
import { findDebian, makeDebian } from './debian-image.ts';
import type { FindMadeOptions, MadeSource, MakeImageOptions } from './making-images.ts';

/** What is here already of exactly these inputs. Reads, makes nothing. Undefined: it has to be made. */
export async function findMade(source: MadeSource, options: FindMadeOptions): Promise<ImageRecord | undefined> {
  switch (source.kind) {
    case 'archive':
      return await findArchive(source, options);
    case 'debian':
      return await findDebian(source, options);
    case 'build':
      return await findBuilt(source, { ...options, find: (inner) => findMade(inner, options) });
  }
}

/** Makes it unless it is here. @throws TsstackError `image`; the signal's reason. */
export async function makeImage(source: MadeSource, options: MakeImageOptions): Promise<ImageRecord> {
  switch (source.kind) {
    case 'archive':
      return await loadArchive(source, options);
    case 'debian':
      return await makeDebian(source, options);
    case 'build':
      return await buildFromRecipe(source, options);
  }
}
