import type { ImageSource } from './spec.ts';

/** False: it is known to have neither a command nor an entrypoint. */
export function mayBringCommand(image: ImageSource): boolean {
  if (image.kind !== 'build' || image.recipe.type === 'dockerfile') return hasUnknownConfig(image);
  const { steps, base } = image.recipe;
  return steps.some((step) => (step.do === 'cmd' || step.do === 'entrypoint') && step.argv.length > 0) || mayBringCommand(base);
}

/** False: it is known to have no health check. Whether an image has one is found out with the image (`engine/plan/obstacles.ts`). */
export function mayBringHealthcheck(image: ImageSource): boolean {
  if (image.kind !== 'build' || image.recipe.type === 'dockerfile') return hasUnknownConfig(image);
  return mayBringHealthcheck(image.recipe.base);
}

/** Directories have no config, and one made from Debian's packages says nothing of a process. */
function hasUnknownConfig({ kind }: ImageSource): boolean {
  return kind === 'reference' || kind === 'archive' || kind === 'build';
}
