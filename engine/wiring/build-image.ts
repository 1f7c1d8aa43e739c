import type { BuildSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';
import type { FindMadeOptions, MakeImageOptions } from './made-images.ts';

export async function findBuilt(_source: BuildSource, _options: FindMadeOptions): Promise<ImageRecord | undefined> {
  return undefined;
}

export async function buildFromRecipe(_source: BuildSource, _options: MakeImageOptions): Promise<ImageRecord> {
  throw new TsstackError('cannot build images yet', { code: 'image' });
}
