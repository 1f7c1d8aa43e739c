/** What stands in the way of a stack on this host, found before anything is touched. */
import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { HostFacts } from '../model/facts.ts';
import type { Obstacle } from '../model/plan.ts';
import { imageKey } from './image-key.ts';
import type { LowerContext } from './lower-context.ts';
import { networkModeObstacles } from './network-mode.ts';
import { unknownUser } from './user.ts';

export function findObstacles(spec: StackSpec, { stack, facts }: Pick<LowerContext, 'stack' | 'facts'>): Obstacle[] {
  return Object.keys(spec.services)
    .sort()
    .flatMap((name) => {
      const service = spec.services[name];
      if (!service || service.replicas === 0) return [];
      const resource = `container:${stack.name}/${name}-1`;
      const found = [
        ...bindObstacles(service, facts),
        ...fileObstacles(service, facts),
        ...waitObstacles(spec, service, facts),
        ...networkModeObstacles(spec, service),
      ];
      return found.map(({ message, hint }) => ({ resource, message: `cannot start service \`${name}\`: ${message}`, hint }));
    });
}

interface Found {
  readonly message: string;
  readonly hint: string | undefined;
}

function bindObstacles(service: ServiceSpec, facts: HostFacts): Found[] {
  return service.mounts.flatMap((mount) => {
    if (mount.type !== 'bind' || mount.createHostPath || facts.bindSources[mount.source]?.kind !== 'missing') return [];
    return [{ message: `bind source \`${mount.source}\` does not exist`, hint: 'create it, or set createHostPath: true on that volume' }];
  });
}

function fileObstacles(service: ServiceSpec, facts: HostFacts): Found[] {
  const envFiles = service.envFile.flatMap(({ path, required }) => {
    const file = facts.envFiles[path];
    return required && file !== undefined && 'error' in file ? [{ message: `env file \`${path}\`: ${file.error}`, hint: undefined }] : [];
  });
  const image = facts.images[imageKey(service.image)];
  const user = image && !image.missing ? unknownUser(service.user ?? image.user, image) : undefined;
  if (user !== undefined)
    return [...envFiles, { message: user, hint: 'give a numeric `uid:gid`, or a name from /etc/passwd of the image' }];
  if (image) return envFiles;
  return [...envFiles, { message: `image \`${imageKey(service.image)}\` is not available`, hint: undefined }];
}

/** Without an image, `dsl/crosscheck.ts` could tell. */
function waitObstacles(spec: StackSpec, { dependsOn }: ServiceSpec, { images }: HostFacts): Found[] {
  return Object.entries(dependsOn).flatMap(([name, { condition }]) => {
    const on = spec.services[name];
    const image = on && images[imageKey(on.image)];
    if (condition !== 'healthy' || on === undefined || on.healthcheck !== undefined || image === undefined || image.missing) return [];
    return [
      {
        message: `it waits until \`${name}\` is healthy, and neither the stack file nor image \`${image.name}\` has a healthcheck for that`,
        hint: `give \`${name}\` a healthcheck`,
      },
    ];
  });
}
