import { posix } from 'node:path';
import type { LaunchSpec } from '../model/launch.ts';

/** What a container's mount namespace shows at one place. */
export interface MountState {
  /** Path in the container. */
  readonly target: string;
  /** What of its file system is mounted there; ends in `//deleted` if that was deleted since. */
  readonly root: string;
  readonly fsType: string;
  readonly source: string;
}

/**
 * Targets at which the container was given something to be mounted, its root (`/`) among them, and nothing is. In the order of the
 * launch. Something else that was mounted over one isn't noticed.
 *
 * `resolve`: where a target is, with the symlinks of the container's own file system followed, as the launcher did. Only asked of
 * targets that are not there by their own name.
 */
export function missingMounts(
  launch: Pick<LaunchSpec, 'mounts'>,
  mounts: readonly Pick<MountState, 'target'>[],
  resolve: (target: string) => string = (target) => target,
): string[] {
  const there = new Set(mounts.map(({ target }) => target));
  const targets = ['/', ...launch.mounts.map(({ target }) => normalize(target))];
  return targets.filter((target) => !there.has(target) && !there.has(resolve(target)));
}

/** As mountinfo has it: no slash at the end, no empty parts. */
function normalize(target: string): string {
  const normal = posix.normalize(target);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
