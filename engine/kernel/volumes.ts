import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TsstackError } from '../model/errors.ts';
import type { Executors } from '../model/plan.ts';
import type { VolumeContent, VolumeDesired, VolumeState } from '../model/resources.ts';
import { refuseMounts, removeTree } from './remove-tree.ts';
import { errnoOf, systemError, unlessErrno } from './system-error.ts';

/** A volume that is being deleted is first renamed to this, in its directory: cut off, it is a half-empty volume no more, and is still seen. */
const DELETING = '.deleting-';

/** The volumes in the stack's directory of volumes, by name. One whose deletion was cut off is among them, as `.deleting-NAME`. */
export function observeVolumes(directory: string): VolumeState[] {
  return names(directory).map((name) => ({ name, path: join(directory, name) }));
}

/** Puts something into an empty directory, or nothing. */
export type FillVolume = (contents: readonly VolumeContent[], directory: string, signal: AbortSignal) => Promise<void>;

export function volumeExecutors(fill: FillVolume): Pick<Executors, 'volume.create' | 'volume.delete'> {
  return {
    'volume.create': async ({ volume }, signal) => create(volume, fill, signal),
    'volume.delete': ({ volume }, signal) => removeVolume(volume, signal),
  };
}

/** It is made under a name that begins so: cut off, it is no volume, and the next attempt begins anew. */
const FILLING = '.filling-';

/** What is half filled goes, also when the work was called off. What can't be removed is removed by the next attempt. */
const NEVER = new AbortController().signal;

/** Mode 0755 whatever the umask, unless the image says otherwise. One that is there stays as it is: what is in it is the user's. */
async function create({ name, path, contents = [] }: VolumeDesired, fill: FillVolume, signal: AbortSignal): Promise<void> {
  if (isDirectory(path)) return;
  const filling = join(dirname(path), `${FILLING}${basename(path)}`);
  try {
    await removeTree(filling, signal);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    mkdirSync(filling, { mode: 0o755 });
    chmodSync(filling, 0o755);
    if (contents.length > 0) await fill(contents, filling, signal);
    renameSync(filling, path);
  } catch (error) {
    await removeTree(filling, NEVER).catch(() => undefined);
    signal.throwIfAborted();
    const what = `cannot create volume \`${name}\` at \`${path}\``;
    if (error instanceof TsstackError)
      throw new TsstackError(`${what}: ${error.message}`, { code: error.code, hint: error.hint, cause: error });
    throw systemError(what, error);
  }
}

/** With all that is in it. */
export async function removeVolume(volume: VolumeState, signal: AbortSignal): Promise<void> {
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
