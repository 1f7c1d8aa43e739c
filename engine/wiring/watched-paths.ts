import { cgroupFilePath } from '../kernel/cgroup-files.ts';
import type { Desired } from '../model/resources.ts';
import type { Session } from './session.ts';

/** Files whose content is declared: limits, sysctls, hosts files; and the directories of volumes, which must be there. */
export function watchedPaths({ resources }: Desired, { cgroups }: Session): ReadonlySet<string> {
  return new Set(
    resources.flatMap((resource) => {
      if (resource.kind === 'cgroup') {
        const { path, writes } = resource.spec;
        return writes.flatMap((write) => cgroupFilePath(cgroups, path, write) ?? []);
      }
      if (resource.kind === 'sysctl') return [`/proc/sys/${resource.spec.path}`];
      if (resource.kind === 'file' || resource.kind === 'volume') return [resource.spec.path];
      return [];
    }),
  );
}
