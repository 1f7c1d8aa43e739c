/** Volumes and images: what a new volume is filled with, and volumes for paths where an image says it keeps data. */
import type { MountSpec } from '../../dsl/spec.ts';
import type { VolumeContent, VolumeDesired } from '../model/resources.ts';
import { imageKey } from './image-key.ts';
import type { LowerContext } from './lower-context.ts';
import { containersOf, type Replica } from './replicas.ts';

type MountContext = Pick<LowerContext, 'spec' | 'facts'>;

/** What its service mounts, and a volume for each path that its image declares and nothing is mounted on or above. */
export function mountsOf({ facts }: Pick<LowerContext, 'facts'>, { name, service }: Replica): readonly MountSpec[] {
  const declared = facts.images[imageKey(service.image)]?.defaults?.volumes ?? [];
  const covered = (path: string) => service.mounts.some(({ target }) => path === target || path.startsWith(`${target}/`));
  const anonymous = declared
    .map((path) => path.replace(/(?<=.)\/+$/, ''))
    .filter((path) => path.startsWith('/') && path !== '/' && !covered(path))
    .map((path): MountSpec => ({ type: 'volume', source: anonymousName(name, path), target: path, readOnly: false }));
  return [...service.mounts, ...anonymous];
}

/**
 * The same whenever the container is made anew, so that its data stays. No declared volume has an `@` in its name. Dashes are doubled,
 * so that no two paths of one container get one name by accident: `web-1@var-lib-data`.
 */
function anonymousName(container: string, path: string): string {
  return `${container}@${path.slice(1).replaceAll('-', '--').replaceAll('/', '-')}`;
}

/** Those the stack declares and those its images do, by name. */
export function volumesOf(context: MountContext): readonly VolumeDesired[] {
  const { spec, facts } = context;
  const contents = contentsOf(context);
  const names = new Set([...Object.keys(spec.volumes), ...contents.keys()]);
  return [...names].sort().map((name) => ({
    name,
    path: `${facts.volumesDirectory}/${name}`,
    labels: spec.volumes[name]?.labels ?? {},
    contents: contents.get(name) ?? [],
  }));
}

/** Of each volume that is mounted: where the images of those who mount it may have something. In the order of the stack file. */
function contentsOf(context: MountContext): ReadonlyMap<string, readonly VolumeContent[]> {
  const contents = new Map<string, VolumeContent[]>();
  for (const replica of containersOf(context.spec)) {
    const { image } = replica.service;
    const lowerdirs = context.facts.images[imageKey(image)]?.lowerdirs ?? [];
    for (const mount of mountsOf(context, replica)) {
      if (mount.type !== 'volume') continue;
      const there = contents.get(mount.source) ?? [];
      contents.set(mount.source, there);
      // What the host has is the host's.
      if (mount.noCopy === true || image.kind === 'hostRootfs' || lowerdirs.length === 0) continue;
      if (!there.some(({ path, lowerdirs: [top] }) => path === mount.target && top === lowerdirs[0]))
        there.push({ lowerdirs, path: mount.target });
    }
  }
  return contents;
}
