/** An image in the store → what a container of it is made from. */
import { parseImageConfig } from '../codec/image-config.ts';
import { familiarReference, parseReference } from '../codec/image-reference.ts';
import { TsstackError } from '../model/errors.ts';
import type { ResolvedImage } from '../model/facts.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { ImageStore } from './image-store.ts';
import { inheritedAttributes, type StackedLayer } from './inherited-attributes.ts';
import { DEFAULT_PATH } from './layer.ts';
import { withMountPoints } from './mount-points.ts';
import { readImageUsers } from './users.ts';

/** Undefined: a layer of it isn't extracted. @throws TsstackError `image` if its config can't be read. */
export function resolveStored(store: ImageStore, record: ImageRecord): ResolvedImage | undefined {
  const lowerdirs = lowerdirsOf(store, record);
  if (lowerdirs === undefined || !store.hasBlob(record.config.digest)) return undefined;
  const name = familiarReference(parseReference(record.reference));
  const config = readConfig(store, record, name);
  const image: ResolvedImage = {
    name,
    digest: record.manifest.digest,
    lowerdirs,
    binds: [],
    entrypoint: config.entrypoint,
    command: config.command,
    environment: { PATH: DEFAULT_PATH, ...config.environment },
    workingDir: config.workingDir,
    user: config.user,
    ...readImageUsers(lowerdirs),
    defaults: {
      stopSignal: config.stopSignal,
      healthcheck: config.healthcheck,
      shell: config.shell,
      labels: config.labels,
      exposedPorts: config.exposedPorts,
      volumes: config.volumes,
    },
  };
  return withMountPoints(image, store.context.paths.directory);
}

/** Topmost first. */
function lowerdirsOf(store: ImageStore, { layers }: ImageRecord): readonly string[] | undefined {
  const stacked: StackedLayer[] = [];
  for (const { diffId } of layers.toReversed()) {
    const directory = store.layerDirectory(diffId);
    if (directory === undefined) return undefined;
    const { implicit, opaque } = store.layerFacts(diffId);
    // overlayfs refuses one directory twice (ELOOP), and an image may have a layer twice: only its topmost use can be seen.
    if (!stacked.some((other) => other.directory === directory)) stacked.push({ directory, implicit });
    if (opaque) break;
  }
  const directories = stacked.map(({ directory }) => directory);
  const attributes = inheritedAttributes(store.context, stacked);
  return attributes === undefined ? directories : [attributes, ...directories];
}

function readConfig(store: ImageStore, { config }: ImageRecord, name: string): ReturnType<typeof parseImageConfig> {
  try {
    return parseImageConfig(store.readBlob(config.digest).toString('utf8'));
  } catch (error) {
    if (error instanceof TsstackError) throw error;
    throw new TsstackError(`cannot use image \`${name}\`: its config ${(error as Error).message}`, { code: 'image', cause: error });
  }
}
