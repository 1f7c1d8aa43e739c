/** What is worth knowing of a stack's images before it is brought up. */
import type { ServiceSpec } from '../../dsl/spec.ts';
import type { Notice } from '../model/plan.ts';
import { imageKey } from './image-key.ts';
import type { LowerContext } from './lower.ts';

export function imageNotices({ spec, facts }: LowerContext): Notice[] {
  const services = Object.entries(spec.services).filter(([, { replicas }]) => replicas > 0);
  const used = new Map(services.map(([, { image }]) => [imageKey(image), facts.images[imageKey(image)]]));
  const missing = [...used].flatMap(([name, image]) => (image?.missing ? [name] : []));
  return [
    ...missing
      .sort()
      .map((name) => notice(`image \`${name}\` is not here: \`up\` pulls it first, and what it says itself is not in this plan`)),
    ...services.flatMap(([name, service]) => unnamedVolumes(service, facts.images[imageKey(service.image)]?.defaults?.volumes ?? [], name)),
  ];
}

/** What Docker makes an anonymous volume for, which nobody finds again when the container is replaced. */
function unnamedVolumes({ mounts }: ServiceSpec, volumes: readonly string[], service: string): Notice[] {
  const unnamed = volumes.filter((path) => !mounts.some(({ target }) => path === target || path.startsWith(`${target}/`)));
  if (unnamed.length === 0) return [];
  const paths = unnamed.map((path) => `\`${path}\``).join(', ');
  return [
    notice(`service \`${service}\`: its image keeps data in ${paths}, which goes with the container: mount a volume there to keep it`),
  ];
}

function notice(message: string): Notice {
  return { resource: undefined, message };
}
