/** Archives of `docker save` (moby, image/spec: "Combined Image JSON + Filesystem Changeset Format") into the store. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Descriptor } from '../codec/image-manifest.ts';
import { TsstackError } from '../model/errors.ts';
import { hashFile } from '../store/blob-file.ts';
import { type ArchiveDirectory, storeFile } from './archive-directory.ts';
import { compressionOf } from './decompress.ts';
import type { ImageStore } from './image-store.ts';
import { type LoadedImage, type LoadOptions, severalImages } from './oci-layout.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from './stored-image.ts';

interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/** They have no manifests: one is made for each. @throws TsstackError `image`. */
export async function loadDockerArchive(
  store: ImageStore,
  archive: ArchiveDirectory,
  options: LoadOptions,
): Promise<readonly LoadedImage[]> {
  const { name } = options;
  const images = savedImages(fs.readFileSync(archive.file('manifest.json'), 'utf8'), archive.name);
  const wanted = images.filter(({ tags }) => name === undefined || tags.includes(name));
  if (wanted.length === 0) {
    throw new TsstackError(`cannot load \`${archive.name}\`: there is no image \`${name ?? ''}\` in it`, {
      code: 'image',
      hint:
        images.length === 0
          ? undefined
          : `it has ${images.flatMap(({ tags }) => tags.map((tag) => `\`${tag}\``)).join(', ') || 'images without names'}`,
    });
  }
  if (options.sole === true && wanted.length > 1) {
    throw severalImages(
      archive.name,
      wanted.map(({ tags, config }) => tags[0] ?? config),
    );
  }
  const loaded: LoadedImage[] = [];
  for (const image of wanted) {
    const manifest = await loadImage(store, archive, { image, ...options });
    const names = image.tags.length > 0 ? image.tags.filter((tag) => name === undefined || tag === name) : [undefined];
    loaded.push(...names.map((tag) => ({ name: tag, target: manifest, manifest })));
  }
  return loaded;
}

async function loadImage(
  store: ImageStore,
  archive: ArchiveDirectory,
  { image, lease, signal }: LoadOptions & { readonly image: SavedImage },
): Promise<Descriptor> {
  const config = await storeHeld(store, OCI_CONFIG, fs.readFileSync(archive.file(image.config)), { lease, signal });
  const layers: Descriptor[] = [];
  // One after another: each is read twice, and the second time is to come from memory.
  for (const layer of image.layers) layers.push(await storeLayer(store, archive.file(layer), { lease, signal }));
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers });
  return storeHeld(store, OCI_MANIFEST, Buffer.from(manifest), { lease, signal });
}

function storeHeld(
  store: ImageStore,
  mediaType: string,
  content: Buffer,
  { lease, signal }: Pick<LoadOptions, 'lease' | 'signal'>,
): Promise<Descriptor> {
  lease.hold([`sha256:${createHash('sha256').update(content).digest('hex')}`]);
  return store.storeContent(mediaType, content, signal);
}

async function storeLayer(store: ImageStore, file: string, options: Pick<LoadOptions, 'lease' | 'signal'>): Promise<Descriptor> {
  const hash = await hashFile(file, `sha256:${createHash('sha256').digest('hex')}`);
  const compression = compressionOf(firstBytes(file), '');
  const mediaType = compression === 'none' ? OCI_LAYER : `${OCI_LAYER}+${compression}`;
  const descriptor = { mediaType, digest: `sha256:${hash.digest('hex')}`, size: fs.statSync(file).size };
  await storeFile(store, file, descriptor, options);
  return descriptor;
}

function firstBytes(file: string): Buffer {
  const bytes = Buffer.alloc(4);
  const fd = fs.openSync(file, 'r');
  fs.readSync(fd, bytes, 0, bytes.length, 0);
  fs.closeSync(fd);
  return bytes;
}

function savedImages(text: string, archive: string): SavedImage[] {
  const broken = (cause?: unknown) =>
    new TsstackError(`cannot load \`${archive}\`: its \`manifest.json\` is not one of \`docker save\``, { code: 'image', cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(error);
  }
  if (!Array.isArray(value)) throw broken();
  return value.map((image: { readonly Config?: unknown; readonly RepoTags?: unknown; readonly Layers?: unknown } | null) => {
    const { Config: config, RepoTags: tags, Layers: layers } = image ?? {};
    const isTexts = (list: unknown): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string');
    if (typeof config !== 'string' || !isTexts(layers) || !(tags === null || tags === undefined || isTexts(tags))) throw broken();
    return { config, layers, tags: tags ?? [] };
  });
}
