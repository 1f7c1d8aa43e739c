/** What is told of the images of this host, which belong to no stack. `engine/index.ts` hands out who tells it. */
import type { ImageListing } from './engine.ts';

export interface ImageDetail extends ImageListing {
  /** Of the manifest for this machine; `digest` may be that of an index. */
  readonly manifestDigest: string;
  readonly configDigest: string;
  /** `linux/amd64` */
  readonly platform: string;
  /** RFC 3339; undefined: it doesn't say. */
  readonly created: string | undefined;
  /** `config` of the image's configuration, as it has it (image-spec, config.md). */
  readonly config: Readonly<Record<string, unknown>>;
  /** How it was made, lowest first, as it has it. */
  readonly history: readonly unknown[];
  /** Lowest first. */
  readonly layers: readonly LayerDetail[];
}

export interface LayerDetail {
  readonly digest: string;
  readonly diffId: string;
  readonly mediaType: string;
  /** Of the blob, bytes. */
  readonly size: number;
  /** Its directory. Undefined: it isn't extracted. */
  readonly directory: string | undefined;
  /** Uncompressed, bytes. Undefined: it isn't extracted. */
  readonly contentSize: number | undefined;
  /** References of the other images that have it. */
  readonly sharedWith: readonly string[];
}

export interface LoadedImage {
  /** Normalized. */
  readonly reference: string;
  /** As people write it. */
  readonly name: string;
  readonly digest: string;
}

export interface PushOptions {
  /** Instead of the image's own: a reference. */
  readonly to?: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PushProgress) => void;
  /** What is tried again, and why. */
  readonly onNotice: (message: string) => void;
}

/** At most ten a second of each blob. */
export interface PushProgress {
  /** Normalized. */
  readonly image: string;
  readonly digest: string;
  /** `present`: the registry has it; `mounted`: from another of its repositories. */
  readonly state: 'waiting' | 'sending' | 'present' | 'mounted' | 'sent';
  readonly bytes: number;
  readonly total: number;
}

export interface PushedImage {
  readonly reference: string;
  /** Of the manifest, as the registry has it now. */
  readonly digest: string;
  /** Bytes that were sent. */
  readonly sent: number;
  readonly durationMs: number;
}

export interface PruneOptions {
  readonly signal: AbortSignal;
  /** Images that no stack uses, too, and all of the build cache. */
  readonly all: boolean;
  /** Volumes of stacks that are down, too. */
  readonly volumes: boolean;
  /** All of the build cache, not only what was not used for a while. */
  readonly buildCache: boolean;
  readonly dryRun: boolean;
}

export interface PrunedKind {
  readonly kind: DiskKind;
  /** References, digests, `shop-data`. */
  readonly names: readonly string[];
  /** Undefined: counted with its parts. */
  readonly bytes: number | undefined;
}

export type DiskKind = 'images' | 'layers' | 'blobs' | 'partial downloads' | 'build cache' | 'writable layers' | 'volumes' | 'logs';

export interface DiskUsage {
  readonly kinds: readonly DiskUsageKind[];
  readonly images: readonly ImageUsage[];
  readonly volumes: readonly PlaceUsage[];
  readonly containers: readonly PlaceUsage[];
}

export interface DiskUsageKind {
  readonly kind: DiskKind;
  readonly count: number;
  /** How many of them something needs. */
  readonly inUse: number;
  /** Undefined: counted with its parts. */
  readonly bytes: number | undefined;
  /** Of `bytes`: what `tsstack prune --all --volumes` would free. */
  readonly reclaimable: number;
}

export interface ImageUsage {
  readonly reference: string;
  readonly name: string;
  /** Of its layers, extracted, bytes. */
  readonly bytes: number;
  /** Of these: in layers that other images have, too. */
  readonly shared: number;
  readonly usedBy: readonly string[];
}

export interface PlaceUsage {
  /** `shop-data`, `shop-web-1` */
  readonly name: string;
  readonly bytes: number;
  readonly inUse: boolean;
}
