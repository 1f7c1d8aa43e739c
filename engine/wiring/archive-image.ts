import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { ArchiveSource, FindMadeOptions, MakeImageOptions } from './made-images.ts';

export async function findArchive(_source: ArchiveSource, _options: FindMadeOptions): Promise<ImageRecord | undefined> {
  return undefined;
}

export async function loadArchive(_source: ArchiveSource, _options: MakeImageOptions): Promise<ImageRecord> {
  throw new TsstackError('cannot load archives yet', { code: 'image' });
}
