import { cgroupDirectories } from '../codec/cgroup-layout.ts';
import type { CgroupLayout, CgroupWrite } from '../model/cgroup.ts';
import type { CgroupSpec, Desired } from '../model/resources.ts';

/**
 * Files whose content is declared: limits, sysctls, hosts files; and directories that must be there: of volumes and cgroups, whose end is told
 * to their parents alone.
 */
export function watchedPaths({ resources }: Desired, cgroups: CgroupLayout): ReadonlySet<string> {
  return new Set(
    resources.flatMap((resource) => {
      if (resource.kind === 'cgroup') return cgroupPaths(resource.spec, cgroups);
      if (resource.kind === 'sysctl') return [`/proc/sys/${resource.spec.path}`];
      if (resource.kind === 'file' || resource.kind === 'volume') return [resource.spec.path];
      return [];
    }),
  );
}

function cgroupPaths({ path, limits, writes }: CgroupSpec, layout: CgroupLayout): string[] {
  const { unified, legacy } = cgroupDirectories(path, limits, layout);
  return [...(unified === undefined ? [] : [unified]), ...legacy, ...writes.flatMap((write) => limitFile(layout, path, write))];
}

function limitFile({ unified, controllers }: CgroupLayout, path: string, { controller, file }: CgroupWrite): string[] {
  const mountPoint = controller === 'unified' ? unified : controllers[controller];
  return mountPoint === undefined ? [] : [`${mountPoint}/${path}/${file}`];
}
