/**
 * Directories that a layer has only by what is in them have no attributes of their own: in an image, theirs are those of the layer
 * below that has an entry for them. As layers are shared by images with different ones below, such directories are in a small layer of
 * their own, on top, made once for each stack of layers.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { TsstackError } from '../model/errors.ts';
import { OF_LAYERS } from '../store/image-paths.ts';
import type { StoreContext } from '../store/store-context.ts';
import { makeLayer } from './layer.ts';

export interface StackedLayer {
  /** `layers/<hex>/fs` */
  readonly directory: string;
  readonly implicit: readonly string[];
}

/** The layer to be put on top of these. Undefined: they show what they should. @param layers topmost first. @throws TsstackError `image`. */
export function inheritedAttributes({ paths, launcherBinary }: StoreContext, layers: readonly StackedLayer[]): string | undefined {
  if (layers.slice(0, -1).every(({ implicit }) => implicit.length === 0)) return undefined;
  const names = layers.map(({ directory }) => path.basename(path.dirname(directory)));
  const key = createHash('sha256').update(names.join('\n')).digest('hex');
  const made = makeLayer(paths.attributes, key, (unfinished) => {
    // Names of files, as garbage collection reads them: a crash can't lose one and keep the rest.
    fs.mkdirSync(`${unfinished}/${OF_LAYERS}`);
    for (const name of names) fs.writeFileSync(`${unfinished}/${OF_LAYERS}/${name}`, '');
    fs.mkdirSync(`${unfinished}/fs`, { mode: 0o755 });
    if (!inherit(launcherBinary, `${unfinished}/fs`, layers)) fs.rmdirSync(`${unfinished}/fs`);
  });
  return fs.existsSync(`${made}/fs`) ? `${made}/fs` : undefined;
}

/** Whether there was anything to be done. */
function inherit(launcherBinary: string, target: string, layers: readonly StackedLayer[]): boolean {
  const input = layers.flatMap(({ implicit }, index) => implicit.map((name) => `${index}\0${name}\0`)).join('');
  const args = ['inherit', target, ...layers.map(({ directory }) => directory)];
  const { status, error, stdout, stderr } = spawnSync(launcherBinary, args, { input, encoding: 'utf8' });
  if (error === undefined && status === 0) return stdout !== '';
  throw new TsstackError(`cannot put the layers of an image together: ${error?.message ?? (stderr.trim() || `exit code ${status}`)}`, {
    code: 'image',
    cause: error,
  });
}
