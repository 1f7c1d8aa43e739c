/** What a reference stands for here. One file a reference, replaced as a whole. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Descriptor } from '../codec/image-manifest.ts';
import { UNFINISHED } from './image-paths.ts';
import type { StoreContext } from './store-context.ts';
import { storeError } from './store-error.ts';
import { markUnflushed } from './unflushed.ts';

export interface ImageRecord {
  readonly version: 1;
  /** Normalized: `docker.io/library/postgres:17`. */
  readonly reference: string;
  /** What the reference names where it comes from: an index, or the manifest itself. */
  readonly target: Descriptor;
  /** The one for this machine. */
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** Lowest first, as in the manifest. */
  readonly layers: readonly ImageLayer[];
  /** ms since the epoch */
  readonly recordedAt: number;
  /** Of one that was built here: references of the images that it starts from or takes files from. To find it again they must be here. */
  readonly bases?: readonly string[];
}

export interface ImageLayer extends Descriptor {
  /** Digest of the content, uncompressed. */
  readonly diffId: string;
}

/** Digests of all that the image consists of: blobs, and the diffIDs of its layers. */
export function partsOf({ target, manifest, config, layers }: Pick<ImageRecord, 'target' | 'manifest' | 'config' | 'layers'>): string[] {
  return [...[target, manifest, config, ...layers].map(({ digest }) => digest), ...layers.map(({ diffId }) => diffId)];
}

/** Takes the place of what the reference stood for. */
export function recordImage(context: StoreContext, record: ImageRecord): void {
  const { paths } = context;
  const file = recordFile(paths.records, record.reference);
  const unfinished = `${paths.records}/${UNFINISHED}${process.pid}-${hashOf(record.reference)}`;
  try {
    // Not on the disk at once: with that would go all that was extracted for it, which takes seconds where the disk is busy.
    fs.writeFileSync(unfinished, `${JSON.stringify(record)}\n`);
    markUnflushed(context, 'record', `sha256:${hashOf(record.reference)}`);
    fs.renameSync(unfinished, file);
  } catch (error) {
    throw storeError(`cannot record image \`${record.reference}\``, error);
  }
}

export function findImage({ paths }: StoreContext, reference: string): ImageRecord | undefined {
  const file = recordFile(paths.records, reference);
  return fs.existsSync(file) ? readRecord(file) : undefined;
}

/** Sorted by reference. */
export function listImages({ paths }: Pick<StoreContext, 'paths'>): ImageRecord[] {
  return fs
    .readdirSync(paths.records)
    .filter((name) => !name.startsWith(UNFINISHED))
    .flatMap((name) => readRecord(`${paths.records}/${name}`) ?? [])
    .sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

/** The reference alone; `collectGarbage` removes what nothing needs then. False: there was none. */
export function removeImage({ paths }: StoreContext, reference: string): boolean {
  const file = recordFile(paths.records, reference);
  if (!fs.existsSync(file)) return false;
  fs.rmSync(file, { force: true });
  return true;
}

/** Undefined: it was removed meanwhile. */
function readRecord(file: string): ImageRecord | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw storeError(`cannot read image record \`${file}\``, error);
  }
  try {
    return JSON.parse(text) as ImageRecord;
  } catch (error) {
    throw storeError(`cannot read image record \`${file}\``, error, 'remove that file, then pull the image again');
  }
}

function recordFile(directory: string, reference: string): string {
  return `${directory}/${hashOf(reference)}.json`;
}

/** References have slashes, and may be longer than a file name. */
function hashOf(reference: string): string {
  return createHash('sha256').update(reference).digest('hex');
}
