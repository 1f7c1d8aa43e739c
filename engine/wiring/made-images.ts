/** Images that come from no registry: loaded from an archive, made of Debian's packages, built. */
import type { BuildSource, DebianSource, ImageSource } from '../../dsl/spec.ts';
import type { Platform } from '../codec/image-platform.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { OnEvent } from '../model/events.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { Lease } from '../store/lease.ts';
import { findArchive, loadArchive } from './archive-image.ts';
import { buildFromRecipe, findBuilt } from './build-image.ts';
import { findDebian, makeDebian } from './debian-image.ts';
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

/** What is here already of exactly these inputs. Reads, makes nothing. Undefined: it has to be made. */
export async function findMade(source: MadeSource, options: FindMadeOptions): Promise<ImageRecord | undefined> {
  switch (source.kind) {
    case 'archive':
      return await findArchive(source, options);
    case 'debian':
      return await findDebian(source, options);
    case 'build':
      return await findBuilt(source, { ...options, find: (inner) => findMade(inner, options) });
  }
}

/** Makes it unless it is here. @throws TsstackError `image`; the signal's reason. */
export async function makeImage(source: MadeSource, options: MakeImageOptions): Promise<ImageRecord> {
  switch (source.kind) {
    case 'archive':
      return await loadArchive(source, options);
    case 'debian':
      return await makeDebian(source, options);
    case 'build':
      return await buildFromRecipe(source, options);
  }
}
