/** Removes what no stack of this host uses. */
import path from 'node:path';
import type { ImageStore } from '../image/image-store.ts';
import type { DiskKind, PrunedKind, PruneOptions } from '../model/images.ts';
import { forgetStep, listCacheDirectories, listKeptSteps, removeCacheDirectories } from '../store/build-cache.ts';
import type { Garbage } from '../store/gc.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { HostPaths } from '../store/paths.ts';
import { removeBuildLeftovers } from './build-runner.ts';
import { measureDirectories } from './disk-size.ts';
import { readStackUses, usedReferences } from './image-users.ts';
import { pruneVolumes } from './prune-volumes.ts';

/** A step of a build that nobody needed for so long is forgotten without being asked to, ms. */
const BUILD_CACHE_KEPT_MS = 7 * 24 * 3600 * 1000;

/** What was removed, or would be; kinds of which there is nothing are left out. @throws TsstackError `image` if a stack's state can't be read. */
export async function prune(
  store: ImageStore,
  host: HostPaths,
  { all, buildCache, volumes, dryRun, signal }: PruneOptions,
): Promise<readonly PrunedKind[]> {
  // Before anything is removed: it throws where that can't be told.
  readStackUses(host);
  const before = all || buildCache ? Number.POSITIVE_INFINITY : Date.now() - BUILD_CACHE_KEPT_MS;
  if (!dryRun) await removeBuildLeftovers({ host, launcherBinary: store.context.launcherBinary });
  const cache = await pruneBuildCache(store, { before, dryRun, signal });
  const garbage = await collectUnused(store, host, { all, before, dryRun });
  const pruned: readonly PrunedKind[] = [cache, ...kindsOf(garbage), ...(volumes ? await pruneVolumes(host, { dryRun, signal }) : [])];
  return pruned.filter(({ names }) => names.length > 0);
}

export interface UnusedOptions {
  /** Images, too. */
  readonly all: boolean;
  /** Steps of builds that were last used before keep their layers no more, nor do images without a name that were made before; ms since the epoch. */
  readonly before: number;
  readonly dryRun: boolean;
}

export function collectUnused(store: ImageStore, host: Pick<HostPaths, 'stateDirectory'>, { all, before, dryRun }: UnusedOptions) {
  let used: ReadonlySet<string> = new Set();
  return store.collectGarbage({
    usedDirectories() {
      const uses = readStackUses(host);
      used = usedReferences(store.list(), uses);
      return uses.flatMap(({ lowerdirs }) => lowerdirs);
    },
    forgets: (image: ImageRecord) => (all || isOutdated(image, before)) && !used.has(image.reference),
    alsoNeeded: () =>
      listKeptSteps(store.context).flatMap(({ diffId, usedAt }) => (diffId !== undefined && usedAt >= before ? [diffId] : [])),
    dryRun,
  });
}

/** What was built or loaded under no name but its inputs': when these change, there is another. */
function isOutdated({ reference, recordedAt }: ImageRecord, before: number): boolean {
  return /^tsstack\.local\/(?:build|archive):/.test(reference) && recordedAt < before;
}

/** The steps' layers are counted as layers. */
async function pruneBuildCache(
  { context }: ImageStore,
  { before, dryRun, signal }: { readonly before: number; readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<PrunedKind> {
  const old = listKeptSteps(context).filter(({ usedAt }) => usedAt < before);
  // Nothing tells when a directory was last used.
  const directories = before === Number.POSITIVE_INFINITY ? listCacheDirectories(context) : [];
  const sizes = await measureDirectories(directories, signal);
  if (!dryRun) for (const { key } of old) forgetStep(context, key);
  const gone = dryRun ? directories : await removeCacheDirectories(context, directories);
  const names = [...old.map(({ key }) => key), ...gone.map((directory) => path.basename(directory))];
  return { kind: 'build cache', names, bytes: gone.reduce((sum, directory) => sum + (sizes.get(directory) ?? 0), 0) };
}

function kindsOf({ images, layers, blobs, partial, bytes }: Garbage): readonly PrunedKind[] {
  const kind = (name: DiskKind, names: readonly string[], size: number | undefined): PrunedKind => ({ kind: name, names, bytes: size });
  return [
    kind('images', images, undefined),
    kind(
      'layers',
      layers.map((hex) => `sha256:${hex}`),
      bytes.layers,
    ),
    kind('blobs', blobs, bytes.blobs),
    kind('partial downloads', partial, bytes.partial),
  ];
}
