/** How far a stage of a build is: what its next step starts from. */
import { createHash } from 'node:crypto';
import type { ImageStore } from '../image/image-store.ts';
import { MOUNT_POINTS } from '../image/mount-points.ts';
import type { ImageLayer } from '../store/image-records.ts';
import type { FileTree } from './layer-tree.ts';
import type { StageConfig } from './stage-config.ts';

export interface StageState {
  /** Lowest first. */
  readonly layers: readonly ImageLayer[];
  /** Directories to mount, topmost first. */
  readonly lowerdirs: readonly string[];
  readonly config: StageConfig;
}

const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export interface MadeLayer {
  readonly diffId: string;
  /** Of its archive, bytes. */
  readonly size: number;
}

/** @throws TsstackError `image` if the layer isn't there. */
export function addLayer(state: StageState, { diffId, size }: MadeLayer, store: ImageStore): StageState {
  const directory = store.layerDirectory(diffId);
  if (directory === undefined) throw new Error(`layer ${diffId} is not there`);
  return {
    ...state,
    layers: [...state.layers, { mediaType: LAYER_TYPE, digest: diffId, size, diffId }],
    // overlayfs takes no directory twice: only its topmost use can be seen.
    lowerdirs: [directory, ...state.lowerdirs.filter((each) => each !== directory)],
  };
}

/** Names the content of the file system, however it came about. */
export function chainOf({ layers }: StageState): string {
  return createHash('sha256')
    .update(layers.map(({ diffId }) => diffId).join('\n'))
    .digest('hex');
}

/** Without what is only there to be mounted over. */
export function treeOf({ lowerdirs }: StageState, store: ImageStore): FileTree | undefined {
  const mountPoints = `${store.context.paths.directory}/${MOUNT_POINTS}`;
  const directories = lowerdirs.filter((directory) => directory !== mountPoints);
  return directories.length === 0 ? undefined : { directories };
}
