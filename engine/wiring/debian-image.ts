import type { DebianSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { FindMadeOptions, MakeImageOptions } from './made-images.ts';

export async function findDebian(_source: DebianSource, _options: FindMadeOptions): Promise<ImageRecord | undefined> {
  return undefined;
}

export async function makeDebian(_source: DebianSource, _options: MakeImageOptions): Promise<ImageRecord> {
  throw new TsstackError('cannot make Debian images yet', { code: 'image' });
}
