/** What `system df` shows: how much of the disk each kind of thing takes, and how much of that nothing needs. */
import fs from 'node:fs';
import type { ImageStore } from '../image/image-store.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import type { DiskUsage, DiskUsageKind, ImageUsage, PlaceUsage } from '../model/images.ts';
import { listCacheDirectories, listKeptSteps } from '../store/build-cache.ts';
import { parseDigest } from '../store/digest.ts';
import { measureStore, type StoreObject } from '../store/gc.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { type HostPaths, stackPaths } from '../store/paths.ts';
import { measureDirectories } from './disk-size.ts';
import { imageListing } from './image-listing.ts';
import { containersByDigest, nameOfStack, namesIn, readStackUses, type StackUse, usedReferences } from './image-users.ts';
import { collectUnused } from './prune.ts';
import { volumesOf } from './prune-volumes.ts';

/** @throws TsstackError `image` if a stack's state can't be read, `kernel` if a directory can't be measured; the signal's reason. */
export async function diskUsage(store: ImageStore, host: HostPaths, signal: AbortSignal): Promise<DiskUsage> {
  const uses = readStackUses(host);
  const unused = await collectUnused(store, host, { all: true, before: Number.POSITIVE_INFINITY, dryRun: true });
  const containers = await measurePlaces(writableLayers(host, uses, store.context.bootId), signal);
  const volumes = await measurePlaces(
    volumesOf(host, uses).map(({ name, volume, inUse }) => ({ name, path: volume.path, inUse })),
    signal,
  );
  const objects = measureStore(store.context);
  const layer = ofStore(objects.layers, new Set(unused.layers));
  const blob = ofStore(objects.blobs, new Set(unused.blobs));
  const partial = ofStore(objects.partial, new Set(unused.partial));
  const images = imageUsage(store.list(), uses, new Map(objects.layers.map(({ name, bytes }) => [name, bytes])));
  const caches = await measurePlaces(
    listCacheDirectories(store.context).map((path) => ({ name: path, path, inUse: false })),
    signal,
  );
  const steps = listKeptSteps(store.context).length;
  const kinds: readonly DiskUsageKind[] = [
    imageKind(store.list(), uses),
    { kind: 'layers', ...layer },
    { kind: 'blobs', ...blob },
    { kind: 'partial downloads', ...partial },
    // The layers of steps are counted as layers.
    { kind: 'build cache', count: steps + caches.length, inUse: 0, bytes: sum(caches), reclaimable: sum(caches) },
    { kind: 'writable layers', ...ofPlaces(containers), reclaimable: 0 },
    { kind: 'volumes', ...ofPlaces(volumes) },
    { kind: 'logs', ...logs(host, uses) },
  ];
  return { kinds, images, volumes, containers };
}

function ofStore(objects: readonly StoreObject[], unused: ReadonlySet<string>): Omit<DiskUsageKind, 'kind'> {
  const idle = objects.filter(({ name }) => unused.has(name));
  return { count: objects.length, inUse: objects.length - idle.length, bytes: sum(objects), reclaimable: sum(idle) };
}

/** Their parts are counted as layers and blobs. */
function imageKind(records: readonly ImageRecord[], uses: readonly StackUse[]): DiskUsageKind {
  const references = usedReferences(records, uses);
  const used = records.filter(({ reference }) => references.has(reference));
  return { kind: 'images', count: distinct(records), inUse: distinct(used), bytes: undefined, reclaimable: 0 };
}

function distinct(records: readonly ImageRecord[]): number {
  return new Set(records.map(({ manifest }) => manifest.digest)).size;
}

function imageUsage(
  records: readonly ImageRecord[],
  uses: readonly StackUse[],
  layerBytes: ReadonlyMap<string, number>,
): readonly ImageUsage[] {
  const users = containersByDigest(uses);
  const hexes = (record: ImageRecord) => new Set(record.layers.map(({ diffId }) => parseDigest(diffId).hex));
  const bytesOf = (layers: Iterable<string>) => [...layers].reduce((total, hex) => total + (layerBytes.get(hex) ?? 0), 0);
  return records.map((record) => {
    const own = hexes(record);
    const others = records.filter(({ manifest }) => manifest.digest !== record.manifest.digest).map(hexes);
    const shared = [...own].filter((hex) => others.some((layers) => layers.has(hex)));
    const { reference, name, tag, usedBy } = imageListing(record, users);
    return { reference, name: tag === undefined ? name : `${name}:${tag}`, bytes: bytesOf(own), shared: bytesOf(shared), usedBy };
  });
}

interface Place {
  readonly name: string;
  readonly path: string;
  readonly inUse: boolean;
}

/** In use while the container runs; they go with the container, which a stack never loses by itself. */
function writableLayers(host: HostPaths, uses: readonly StackUse[], bootId: string): readonly Place[] {
  return uses.flatMap(({ stack }) => {
    const { containers } = stackPaths(host, { id: stack });
    return namesIn(containers).map((name) => ({
      name: `${nameOfStack(stack)}-${name}`,
      path: `${containers}/${name}/upper`,
      inUse: readContainerStatus(`${containers}/${name}`, bootId).state === 'running',
    }));
  });
}

async function measurePlaces(places: readonly Place[], signal: AbortSignal): Promise<readonly PlaceUsage[]> {
  const sizes = await measureDirectories(
    places.map(({ path }) => path),
    signal,
  );
  return places.map(({ name, path, inUse }) => ({ name, bytes: sizes.get(path) ?? 0, inUse }));
}

function ofPlaces(places: readonly PlaceUsage[]): Omit<DiskUsageKind, 'kind'> {
  const idle = places.filter(({ inUse }) => !inUse);
  return { count: places.length, inUse: places.length - idle.length, bytes: sum(places), reclaimable: sum(idle) };
}

/** They go with `down`. */
function logs(host: HostPaths, uses: readonly StackUse[]): Omit<DiskUsageKind, 'kind'> {
  const sizes = uses.flatMap(({ stack }) => {
    const { logs: directory } = stackPaths(host, { id: stack });
    return namesIn(directory).map((name) => ({ bytes: fs.statSync(`${directory}/${name}`, { throwIfNoEntry: false })?.size ?? 0 }));
  });
  return { count: sizes.length, inUse: sizes.length, bytes: sum(sizes), reclaimable: 0 };
}

function sum(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}
