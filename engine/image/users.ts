import fs from 'node:fs';
import type { ResolvedImage } from '../model/facts.ts';

/** The users of an image that is a stack of directories, topmost first. Only plain files: a symlink could lead out of the root. */
export function readImageUsers(lowerdirs: readonly string[]): Pick<ResolvedImage, 'passwd' | 'groupFile'> {
  return { passwd: firstFile(lowerdirs, 'etc/passwd'), groupFile: firstFile(lowerdirs, 'etc/group') };
}

function firstFile(directories: readonly string[], path: string): string {
  for (const directory of directories) {
    const etc = fs.lstatSync(`${directory}/etc`, { throwIfNoEntry: false });
    if (etc === undefined) continue;
    const full = `${directory}/${path}`;
    const file = etc.isDirectory() ? fs.lstatSync(full, { throwIfNoEntry: false }) : etc;
    // Whatever else is there hides what is below: a whiteout is a device.
    if (file !== undefined) return file.isFile() ? fs.readFileSync(full, 'utf8') : '';
  }
  return '';
}
