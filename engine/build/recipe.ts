/** What a stack file says of a build → the graph of its stages. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { DockerfileRecipe, StepsRecipe } from '../../dsl/spec.ts';
import { nearest } from '../../dsl/suggest.ts';
import { hostPlatform, type Platform } from '../codec/image-platform.ts';
import type { BuildGraph } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import { parseDockerfile } from './dockerfile.ts';
import { didYouMean } from './dockerfile-errors.ts';
import { graphOfSteps } from './steps.ts';

/** `platform`: of this machine. @throws TsstackError `usage`: what is wrong with it, and where. */
export async function graphOf(
  recipe: DockerfileRecipe | StepsRecipe,
  platform: Platform = hostPlatform(process.arch),
): Promise<BuildGraph> {
  if (recipe.type === 'steps') return await graphOfSteps(recipe);
  const { dockerfile, target, args, contexts, secrets } = recipe;
  const text = 'text' in dockerfile ? dockerfile.text : await readDockerfileAt(dockerfile.path);
  const file = 'text' in dockerfile ? 'dockerfileInline' : shownPath(dockerfile.path, recipe.context);
  return await parseDockerfile(text, { file, target, args, platform, contexts: Object.keys(contexts), secrets: Object.keys(secrets) });
}

/** `api/Dockerfile`: with the name of the context, since a stack may have several. */
function shownPath(path: string, context: string): string {
  const short = relative(dirname(context), path);
  return short.startsWith('..') ? path : short;
}

async function readDockerfileAt(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new TsstackError(`cannot read \`${path}\`: ${message}`, { code: 'usage', cause: error });
    const names = await readdir(dirname(path)).catch(() => []);
    const meant = nearest(basename(path), names);
    throw new TsstackError(`cannot build: there is no \`${path}\``, {
      code: 'usage',
      hint: didYouMean(meant === undefined ? undefined : join(dirname(path), meant)),
      cause: error,
    });
  }
}
