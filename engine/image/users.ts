import fs from 'node:fs';
import type { ResolvedImage } from '../model/facts.ts';

/** The users of an image that is a stack of directories, topmost first. Only plain files: a symlink could lead out of the root. */
export function readImageUsers(lowerdirs: readonly string[]): Pick<ResolvedImage, 'passwd' | 'groupFile'> {
  return { passwd: firstFile(lowerdirs, 'etc/passwd'), groupFile: firstFile(lowerdirs, 'etc/group') };
}

function firstFile(directories: readonly string[], path: string): string {
  for (const directory of directories) {
    const isDirectory = fs.lstatSync(`${directory}/etc`, { throwIfNoEntry: false })?.isDirectory();
    const full = `${directory}/${path}`;
    if (isDirectory && fs.lstatSync(full, { throwIfNoEntry: false })?.isFile()) return fs.readFileSync(full, 'utf8');
  }
  return '';
}
