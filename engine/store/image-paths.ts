/** Where images are kept, below `<state>/images`. Shared by all stacks. */

export interface ImagePaths {
  readonly directory: string;
  /** `blobs/<algorithm>/<hex>`: whenever one is there it is whole. */
  readonly blobs: string;
  /** What of a blob has come so far. */
  readonly partial: string;
  /** `layers/<hex of its diffID>/{fs,layer.json}` */
  readonly layers: string;
  /** One file a reference. */
  readonly records: string;
  readonly locks: string;
  /** What running pulls and starts need, before a record says so. */
  readonly leases: string;
  /** What may not be on the disk yet; see `unflushed.ts`. */
  readonly unflushed: string;
  /** Archives being read. */
  readonly scratch: string;
  /** `attributes/<hash of layers>/{of,fs}`: what directories of those layers inherit when they are put together. */
  readonly attributes: string;
}

export function imagePaths(directory: string): ImagePaths {
  return {
    directory,
    blobs: `${directory}/blobs`,
    partial: `${directory}/partial`,
    layers: `${directory}/layers`,
    records: `${directory}/records`,
    locks: `${directory}/locks`,
    leases: `${directory}/leases`,
    unflushed: `${directory}/unflushed`,
    scratch: `${directory}/scratch`,
    attributes: `${directory}/attributes`,
  };
}

/** Beginning of a name under which something is being made or removed: no other process takes it for whole. */
export const UNFINISHED = '.new-';
export const REMOVED = '.gone-';
/** In a directory of `attributes`: a file for each layer that it was made for, named by the hex of its diffID. It is of no use without. */
export const OF_LAYERS = 'of';
