import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Executors } from '../model/plan.ts';
import type { VolumeState } from '../model/resources.ts';
import { refuseMounts, removeTree } from './remove-tree.ts';
import { errnoOf, systemError, unlessErrno } from './system-error.ts';

/** A volume that is being deleted is first renamed to this, in its directory: cut off, it is a half-empty volume no more, and is still seen. */
const DELETING = '.deleting-';

/** The volumes in the stack's directory of volumes, by name. One whose deletion was cut off is among them, as `.deleting-NAME`. */
export function observeVolumes(directory: string): VolumeState[] {
  return names(directory).map((name) => ({ name, path: join(directory, name) }));
}

export const volumeExecutors: Pick<Executors, 'volume.create' | 'volume.delete'> = {
  'volume.create': async ({ volume }) => create(volume),
  'volume.delete': ({ volume }, signal) => remove(volume, signal),
};

/** Mode 0755 whatever the umask. One that is there stays as it is: what is in it is the user's. */
function create(volume: { readonly name: string; readonly path: string }): void {
  try {
    mkdirSync(dirname(volume.path), { recursive: true, mode: 0o755 });
    mkdirSync(volume.path, { mode: 0o755 });
    chmodSync(volume.path, 0o755);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' && isDirectory(volume.path)) return;
    throw systemError(`cannot create volume \`${volume.name}\` at \`${volume.path}\``, error);
  }
}

async function remove(volume: VolumeState, signal: AbortSignal): Promise<void> {
  const already = basename(volume.path).startsWith(DELETING);
  const aside = already ? volume.path : join(dirname(volume.path), `${DELETING}${basename(volume.path)}`);
  try {
    if (!already) {
      refuseMounts(volume.path);
      await removeTree(aside, signal);
      renameSync(volume.path, aside);
    }
    await removeTree(aside, signal);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw systemError(`cannot delete volume \`${volume.name}\` at \`${volume.path}\``, error);
  }
}

function isDirectory(path: string): boolean {
  return unlessErrno(['ENOENT', 'ENOTDIR'], () => statSync(path).isDirectory()) ?? false;
}

function names(directory: string): string[] {
  const entries = unlessErrno(['ENOENT'], () => readdirSync(directory, { withFileTypes: true })) ?? [];
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
