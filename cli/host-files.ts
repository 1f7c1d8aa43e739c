import type { ImageSource, ServiceSpec, StackSpec } from '../dsl/spec.ts';

/** What is at a path of the host, links followed. Undefined: nothing. */
export type LookAt = (path: string) => 'directory' | 'file' | undefined;

/** What the stack file speaks of and this host doesn't have, each as `check` tells it: the setting, the value, why. `up` refuses the same. */
export function missingOnHost(spec: StackSpec, lookAt: LookAt): readonly string[] {
  return Object.entries(spec.services).flatMap(([name, service]) =>
    [...imageProblems(service, lookAt), ...envFileProblems(service, lookAt), ...bindProblems(service, lookAt)].map(
      (problem) => `services.${name}.${problem}`,
    ),
  );
}

function imageProblems({ image }: ServiceSpec, lookAt: LookAt): readonly string[] {
  return requiredOfHost(image).flatMap(({ path, kinds }) => {
    const found = lookAt(path);
    if (found === undefined) return [`image: \`${path}\` does not exist`];
    return kinds.includes(found) ? [] : [`image: \`${path}\` is not a ${kinds.join(' or ')}`];
  });
}

type Kind = 'directory' | 'file';

function requiredOfHost(image: ImageSource): readonly { readonly path: string; readonly kinds: readonly Kind[] }[] {
  switch (image.kind) {
    case 'rootfs':
      return [{ path: image.path, kinds: ['directory'] }];
    case 'archive':
      return [{ path: image.path, kinds: ['directory', 'file'] }];
    case 'build': {
      const { recipe } = image;
      const context = { path: recipe.context, kinds: ['directory'] } as const;
      if (recipe.type === 'steps') return [context, ...requiredOfHost(recipe.base)];
      return 'path' in recipe.dockerfile ? [context, { path: recipe.dockerfile.path, kinds: ['file'] }] : [context];
    }
    default:
      return [];
  }
}

function envFileProblems({ envFile }: ServiceSpec, lookAt: LookAt): readonly string[] {
  return envFile.flatMap(({ path, required }) =>
    required && lookAt(path) === undefined ? [`envFile: \`${path}\` does not exist; \`required: false\` allows that`] : [],
  );
}

function bindProblems({ mounts }: ServiceSpec, lookAt: LookAt): readonly string[] {
  return mounts.flatMap((mount) =>
    mount.type === 'bind' && !mount.createHostPath && lookAt(mount.source) === undefined
      ? [`volumes: \`${mount.source}\` does not exist; \`createHostPath: true\` makes it`]
      : [],
  );
}
