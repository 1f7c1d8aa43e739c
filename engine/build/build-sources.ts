/** Where the steps of a build copy from, opened when the first needs it. */
import type { ImageSource } from '../../dsl/spec.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { CopyOrigin } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { imageFiles, type SourceFiles } from './copy-step-sources.ts';
import { type StageState, treeOf } from './stage.ts';
import { imageState } from './stage-image.ts';

export interface SourceOptions {
  readonly store: ImageStore;
  readonly getBase: (source: ImageSource) => Promise<ImageRecord>;
  readonly stageOf: (index: number) => Promise<StageState>;
  /** Undefined: the build's own. */
  readonly context: (name: string | undefined) => Promise<SourceFiles>;
}

export function buildSources({ store, getBase, stageOf, context }: SourceOptions): (origin: CopyOrigin) => Promise<SourceFiles> {
  const contexts = new Map<string | undefined, Promise<SourceFiles>>();
  const contextOf = (name: string | undefined) => {
    const opened = contexts.get(name) ?? context(name);
    contexts.set(name, opened);
    return opened;
  };
  return async (origin) => {
    switch (origin.kind) {
      case 'context':
        return await contextOf(undefined);
      case 'named-context':
        return await contextOf(origin.name);
      case 'stage':
        return filesOf(await stageOf(origin.stage), store);
      case 'image':
        return filesOf(imageState(store, await getBase(origin.image)), store);
    }
  };
}

function filesOf(state: StageState, store: ImageStore): SourceFiles {
  const tree = treeOf(state, store);
  if (tree === undefined) throw new TsstackError('what it copies from is empty', { code: 'image' });
  return imageFiles(tree);
}
