import type { ServiceSpec, StackSpec } from '../dsl/spec.ts';

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
  if (image.kind === 'reference') return [`image: \`${image.reference}\` would have to be pulled, which is not supported yet`];
  if (image.kind !== 'rootfs') return [];
  const found = lookAt(image.path);
  return found === 'directory' ? [] : [`image: \`${image.path}\` ${found === undefined ? 'does not exist' : 'is not a directory'}`];
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
