/** What making an image takes that comes from no registry. */
import type { BuildSource, DebianSource, ImageSource } from '../../dsl/spec.ts';
import type { Platform } from '../codec/image-platform.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { OnEvent } from '../model/events.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import type { Session } from './session.ts';

export type ArchiveSource = Extract<ImageSource, { readonly kind: 'archive' }>;
export type MadeSource = ArchiveSource | DebianSource | BuildSource;

export interface FindMadeOptions {
  readonly session: Session;
  readonly store: ImageStore;
  readonly signal: AbortSignal;
}

export interface MakeImageOptions extends FindMadeOptions {
  /** To be given all that is needed before a record says so. */
  readonly lease: Lease;
  readonly onEvent: OnEvent;
  readonly platform: Platform;
  /** Do all steps of a build again. */
  readonly noCache: boolean;
  /** Of whoever asked: how mirrors are reached, and secrets of a build. */
  readonly environment: Readonly<Record<string, string>>;
  /** Any other image, pulled or made: what a build starts from or copies from. Its layers are extracted. */
  readonly getBase: (source: ImageSource) => Promise<ImageRecord>;
}
