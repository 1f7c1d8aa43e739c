import type { CgroupLayout, CgroupWrite } from '../model/cgroup.ts';
import type { Desired } from '../model/resources.ts';

/** Files whose content is declared: limits, sysctls, hosts files; and the directories of volumes, which must be there. */
export function watchedPaths({ resources }: Desired, cgroups: CgroupLayout): ReadonlySet<string> {
  return new Set(
    resources.flatMap((resource) => {
      if (resource.kind === 'cgroup') return resource.spec.writes.flatMap((write) => limitFile(cgroups, resource.spec.path, write));
      if (resource.kind === 'sysctl') return [`/proc/sys/${resource.spec.path}`];
      if (resource.kind === 'file' || resource.kind === 'volume') return [resource.spec.path];
      return [];
    }),
  );
}

function limitFile({ unified, controllers }: CgroupLayout, path: string, { controller, file }: CgroupWrite): string[] {
  const mountPoint = controller === 'unified' ? unified : controllers[controller];
  return mountPoint === undefined ? [] : [`${mountPoint}/${path}/${file}`];
}
