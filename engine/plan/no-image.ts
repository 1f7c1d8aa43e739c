import type { ResolvedImage } from '../model/facts.ts';

/** What holds of an image of which nothing is known. */
export const NO_IMAGE: ResolvedImage = {
  name: '',
  digest: '',
  lowerdirs: [],
  binds: [],
  entrypoint: [],
  command: [],
  environment: {},
  workingDir: '/',
  user: undefined,
  passwd: '',
  groupFile: '',
};
