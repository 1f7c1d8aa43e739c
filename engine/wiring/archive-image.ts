/** Images of an OCI layout or an archive: read once, and known again by what of it changes when its content does. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { parseImageConfig } from '../codec/image-config.ts';
import { formatPlatform, type Platform, platformFits } from '../codec/image-platform.ts';
import { extractImage, findWhole } from '../image/extract-image.ts';
import type { ImageStore } from '../image/image-store.ts';
import { loadImages } from '../image/load.ts';
import { describeImage } from '../image/stored-image.ts';
import { TsstackError } from '../model/errors.ts';
import { imageKey } from '../plan/image-key.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { lockObject } from '../store/store-context.ts';
import { storeError } from '../store/store-error.ts';
import type { ArchiveSource, FindMadeOptions, MakeImageOptions } from './making-images.ts';
import { tellBuild } from './tell-build.ts';

/** @throws TsstackError `image` if it isn't there. */
export async function findArchive(source: ArchiveSource, { store }: FindMadeOptions): Promise<ImageRecord | undefined> {
  return store.findImage(referenceOf(source));
}

export async function loadArchive(source: ArchiveSource, options: MakeImageOptions): Promise<ImageRecord> {
  const { store, signal, onEvent } = options;
  const reference = referenceOf(source);
  const here = await findWhole(store, reference, options);
  if (here !== undefined) return here;
  using _lock = await lockObject(store.context, reference.replaceAll(/[/:]/g, '-'), signal);
  const made = await findWhole(store, reference, options);
  if (made !== undefined) return made;
  return await tellBuild({ image: imageKey(source), onEvent, signal }, async (step) => {
    const record = await step('load the archive', () => naming(source.path, () => load(source, reference, options)));
    const extracted = await step(`extract ${record.layers.length} layers`, () => extractImage(store, record, options));
    if (extracted === undefined) throw new TsstackError(`cannot load \`${source.path}\`: a part of it is gone again`, { code: 'image' });
    store.recordImage(record);
    return record;
  });
}

async function load(source: ArchiveSource, reference: string, options: MakeImageOptions): Promise<ImageRecord> {
  const { store, lease, signal, platform } = options;
  const [loaded] = await loadImages(store, source.path, { platform, lease, signal, name: source.image, sole: true });
  if (loaded === undefined) throw new TsstackError(`cannot load \`${source.path}\`: there is no image in it`, { code: 'image' });
  checkPlatform(store, source.path, { config: describeImage(store, { reference, ...loaded, recordedAt: 0 }).config.digest, platform });
  return describeImage(store, { reference, target: loaded.target, manifest: loaded.manifest, recordedAt: Date.now() });
}

/** What fails deep in the store doesn't know of which archive it was. */
async function naming<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof TsstackError) || error.message.includes(`\`${path}\``)) throw error;
    throw new TsstackError(`cannot load \`${path}\`: ${error.message}`, { code: error.code, hint: error.hint, cause: error });
  }
}

/** Where an index leaves no choice, only the config says what it is for. */
function checkPlatform(
  store: ImageStore,
  path: string,
  { config, platform }: { readonly config: string; readonly platform: Platform },
): void {
  let made: Platform;
  try {
    made = parseImageConfig(store.readBlob(config).toString('utf8')).platform;
  } catch (error) {
    if (error instanceof TsstackError) throw error;
    throw new TsstackError(`cannot load \`${path}\`: its config ${(error as Error).message}`, { code: 'image', cause: error });
  }
  if (platformFits(made, platform)) return;
  throw new TsstackError(`cannot load \`${path}\`: it is for ${formatPlatform(made)}, not for ${formatPlatform(platform)}`, {
    code: 'image',
  });
}

/**
 * By what a look at the files tells, so that a warm `up` reads no archive: of a directory its index, which names all the rest by digest;
 * of a file its inode, size and time.
 */
function referenceOf({ path, image }: ArchiveSource): string {
  const hash = createHash('sha256').update(JSON.stringify([path, image ?? null, identityOf(path)]));
  return `tsstack.local/archive:${hash.digest('hex').slice(0, 32)}`;
}

function identityOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, isDirectory } = statOf(path);
    if (!isDirectory) return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    const index = `${path}/index.json`;
    return fs.readFileSync(fs.existsSync(index) ? index : `${path}/manifest.json`, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storeError(`cannot load \`${path}\``, error);
    const why = fs.existsSync(path) ? 'the directory has no `index.json`: it is no OCI image layout' : 'it does not exist';
    throw new TsstackError(`cannot load \`${path}\`: ${why}`, {
      code: 'image',
      hint: 'an image is a directory or archive in the OCI layout, or an archive of `docker save`',
    });
  }
}

function statOf(path: string) {
  const stat = fs.statSync(path, { bigint: true });
  return { dev: stat.dev, ino: stat.ino, size: stat.size, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs, isDirectory: stat.isDirectory() };
}
