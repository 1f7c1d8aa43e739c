/** OCI image layouts (image-spec, image-layout.md): directories and archives of blobs with an index, into the store. */
import fs from 'node:fs';
import type { IndexEntry, ManifestDocument } from '../codec/image-manifest.ts';
import type { Platform } from '../codec/image-platform.ts';
import { TsstackError } from '../model/errors.ts';
import { parseDigest } from '../store/digest.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import { type ArchiveDirectory, storeFile } from './archive-directory.ts';
import type { ImageStore } from './image-store.ts';
import { chooseManifest, readDocument } from './stored-image.ts';

export interface LoadedImage extends Pick<ImageRecord, 'target' | 'manifest'> {
  /** As the archive has it: `web:1`, `1`, or none. */
  readonly name: string | undefined;
}

export interface LoadOptions {
  readonly platform: Platform;
  /** Gets all that comes, so that it isn't garbage before it is recorded. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Only the image of that name, or digest. */
  readonly name?: string | undefined;
  /** One image is wanted: several are an error that lists them, and of one image's manifests the platform's is loaded. */
  readonly sole?: boolean;
}

/** containerd writes the whole reference, others the tag alone (image-layout.md, "index.json"; annotations.md). */
const FULL_NAME = 'io.containerd.image.name';
const NAME = 'org.opencontainers.image.ref.name';

/** All blobs of its images for the platform, checked. @throws TsstackError `image`. */
export async function loadOciLayout(store: ImageStore, archive: ArchiveDirectory, options: LoadOptions): Promise<readonly LoadedImage[]> {
  const index = fs.readFileSync(archive.file('index.json'));
  const what = `\`index.json\` of \`${archive.name}\``;
  const document = readDocument(index, undefined, what);
  if (document.kind !== 'index') throw new TsstackError(`cannot read ${what}: it has no manifests`, { code: 'image' });
  const entries = document.manifests;
  const wanted = entries.filter((entry) => options.name === undefined || namesOf(entry).includes(options.name));
  if (wanted.length === 0) {
    const names = entries.map((entry) => `\`${nameOf(entry) ?? entry.digest}\``).join(', ');
    throw new TsstackError(`cannot load \`${archive.name}\`: there is no image \`${options.name ?? ''}\` in it`, {
      code: 'image',
      hint: names === '' ? undefined : `it has ${names}`,
    });
  }
  const loaded: LoadedImage[] = [];
  for (const entry of options.sole === true ? [soleEntry(wanted, archive.name, options.platform)] : wanted)
    loaded.push({ name: nameOf(entry), ...(await loadEntry(store, archive, { entry, ...options })) });
  return loaded;
}

function nameOf({ annotations }: IndexEntry): string | undefined {
  return annotations?.[FULL_NAME] ?? annotations?.[NAME];
}

/** What people may call it: as containerd has it, in full or not; as others have it; by its digest. */
function namesOf({ annotations, digest }: IndexEntry): readonly string[] {
  const full = annotations?.[FULL_NAME];
  return [full, full?.replace(/^docker\.io\/(library\/)?/, ''), annotations?.[NAME], digest].filter((name) => name !== undefined);
}

/** Some tools write the manifests of one image side by side, one a platform, instead of an index of them. */
function soleEntry(entries: readonly IndexEntry[], archive: string, platform: Platform): IndexEntry {
  const [first, ...others] = entries;
  if (first === undefined) throw severalImages(archive, []);
  if (others.every(({ digest }) => digest === first.digest)) return first;
  const isOneImage = entries.every((entry) => entry.platform !== undefined && nameOf(entry) === nameOf(first));
  if (isOneImage) return chooseManifest(entries, platform, `the image of \`${archive}\``);
  throw severalImages(
    archive,
    entries.map((entry) => nameOf(entry) ?? entry.digest),
  );
}

export function severalImages(archive: string, names: readonly string[]): TsstackError {
  const listed = names.map((name) => `\`${name}\``).join(', ');
  return new TsstackError(`cannot load \`${archive}\`: it has several images, and one of them must be chosen`, {
    code: 'image',
    hint: `give the name of one: ${listed}`,
  });
}

interface EntryOptions extends LoadOptions {
  readonly entry: IndexEntry;
}

/** An entry may be an index of its own, with one manifest a platform. */
async function loadEntry(
  store: ImageStore,
  archive: ArchiveDirectory,
  { entry, platform, lease, signal }: EntryOptions,
): Promise<Pick<ImageRecord, 'target' | 'manifest'>> {
  const what = `image \`${nameOf(entry) ?? entry.digest}\``;
  const blob = (digest: string) => {
    const { algorithm, hex } = parseDigest(digest);
    return archive.file(`blobs/${algorithm}/${hex}`);
  };
  const read = async (part: IndexEntry): Promise<ManifestDocument> => {
    await storeFile(store, blob(part.digest), part, { lease, signal });
    return readDocument(store.readBlob(part.digest), part.mediaType, what);
  };
  let manifest = entry;
  let document = await read(entry);
  for (let depth = 0; document.kind === 'index'; depth++) {
    if (depth === 4) throw new TsstackError(`cannot load ${what}: its indexes are nested too deeply`, { code: 'image' });
    manifest = chooseManifest(document.manifests, platform, what);
    document = await read(manifest);
  }
  const { config, layers } = document;
  await Promise.all([config, ...layers].map((part) => storeFile(store, blob(part.digest), part, { lease, signal })));
  return { target: entry, manifest };
}
