/** Volumes of stacks that are down: of such a stack, nothing else is left. */
import fs from 'node:fs';
import { observeVolumes, removeVolume } from '../kernel/volumes.ts';
import type { PrunedKind } from '../model/images.ts';
import type { VolumeState } from '../model/resources.ts';
import { FileLock } from '../store/lock.ts';
import { type HostPaths, stackPaths } from '../store/paths.ts';
import { measureDirectories } from './disk-size.ts';
import { removeIfEmpty } from './empty-directory.ts';
import { isUp, nameOfStack, readStackUses, type StackUse } from './image-users.ts';

export async function pruneVolumes(
  host: HostPaths,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<readonly PrunedKind[]> {
  const down = volumesOf(host, readStackUses(host)).filter(({ inUse }) => !inUse);
  const sizes = await measureDirectories(
    down.map(({ volume }) => volume.path),
    signal,
  );
  const gone: StackVolume[] = [];
  for (const each of down) if (dryRun || (await remove(host, each, signal))) gone.push(each);
  const bytes = gone.reduce((sum, { volume }) => sum + (sizes.get(volume.path) ?? 0), 0);
  return [{ kind: 'volumes', names: gone.map(({ name }) => name), bytes }];
}

export interface StackVolume {
  readonly stack: string;
  /** `shop-data` */
  readonly name: string;
  readonly volume: VolumeState;
  /** Its stack is up, whether or not a container mounts it. */
  readonly inUse: boolean;
}

export function volumesOf(host: HostPaths, uses: readonly StackUse[]): readonly StackVolume[] {
  return uses.flatMap((use) =>
    observeVolumes(stackPaths(host, { id: use.stack }).volumes).map((volume) => ({
      stack: use.stack,
      name: `${nameOfStack(use.stack)}-${volume.name}`,
      volume,
      inUse: isUp(use),
    })),
  );
}

/** False: the stack is being brought up. Whoever changes a stack has its lock. */
async function remove(host: HostPaths, { stack, volume }: StackVolume, signal: AbortSignal): Promise<boolean> {
  const paths = stackPaths(host, { id: stack });
  fs.mkdirSync(host.runDirectory, { recursive: true, mode: 0o711 });
  using lock = FileLock.tryAcquire(paths.lock, 'prune');
  const now = readStackUses(host).find((use) => use.stack === stack);
  if (lock === undefined || (now !== undefined && isUp(now))) return false;
  await removeVolume(volume, signal);
  // As `down --volumes` leaves nothing of a stack.
  for (const directory of [paths.volumes, paths.directory]) removeIfEmpty(directory);
  return true;
}
