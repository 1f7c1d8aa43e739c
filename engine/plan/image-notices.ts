/** What is worth knowing of a stack's images before it is brought up. */
import type { Notice } from '../model/plan.ts';
import { imageKey } from './image-key.ts';
import type { LowerContext } from './lower-context.ts';

export function imageNotices({ spec, facts }: LowerContext): Notice[] {
  const services = Object.entries(spec.services).filter(([, { replicas }]) => replicas > 0);
  const used = new Map(services.map(([, { image }]) => [imageKey(image), facts.images[imageKey(image)]]));
  const missing = [...used].flatMap(([name, image]) => (image?.missing ? [name] : []));
  return [
    ...missing
      .sort()
      .map((name) => notice(`image \`${name}\` is not here: \`up\` pulls it first, and what it says itself is not in this plan`)),
  ];
}

function notice(message: string): Notice {
  return { resource: undefined, message };
}
