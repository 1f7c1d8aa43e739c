/**
 * What a step's mounts are put on, so that none of it is in the step's layer: a directory on top of the layers, with the directories that
 * lead there looking as they do below.
 */
import fs from 'node:fs';
import { copyExtendedAttributes } from '../store/file-attributes.ts';
import { childOf, type FileTree, findNode, lookUp } from './layer-tree.ts';
import type { RunnerMount } from './runner.ts';

/** What each container has mounted: `engine/plan/lower-launch.ts`, `native/launcher/rootfs.c`. */
const OWN: readonly (readonly [string, 'directory' | 'file'])[] = [
  ['/dev', 'directory'],
  ['/proc', 'directory'],
  ['/sys', 'directory'],
  ['/etc/hosts', 'file'],
  ['/etc/hostname', 'file'],
  ['/etc/resolv.conf', 'file'],
];

/** Undefined: all of it is there. `make`: a new, empty directory. */
export async function mountPointsFor(
  tree: FileTree | undefined,
  mounts: readonly RunnerMount[],
  make: () => string,
): Promise<string | undefined> {
  const wanted = [...OWN, ...mounts.map((mount) => [mount.target, kindOf(mount)] as const)];
  let points: string | undefined;
  for (const [path, kind] of wanted.toSorted(([a], [b]) => a.split('/').length - b.split('/').length)) {
    const directories = [...(points === undefined ? [] : [points]), ...(tree?.directories ?? [])];
    const { node, rest } =
      directories.length === 0
        ? { node: undefined, rest: path.split('/').slice(1) }
        : await lookUp({ directories }, path, { follow: true });
    if (rest.length === 0 || (node !== undefined && !node.stat.isDirectory())) continue;
    points ??= make();
    makePoint(await wayTo(points, node?.path ?? '', tree), rest, kind);
  }
  return points;
}

function kindOf(mount: RunnerMount): 'directory' | 'file' {
  return mount.type === 'bind' && !fs.statSync(mount.source).isDirectory() ? 'file' : 'directory';
}

/** The directories that lead to what is there, with the attributes that they have there. */
async function wayTo(points: string, path: string, tree: FileTree | undefined): Promise<string> {
  let node = tree && (await findNode(tree, ''));
  let file = points;
  for (const name of path.split('/').filter((each) => each !== '')) {
    node = node && (await childOf(node, name));
    file = `${file}/${name}`;
    if (fs.existsSync(file)) continue;
    fs.mkdirSync(file);
    if (node === undefined) continue;
    fs.chownSync(file, Number(node.stat.uid), Number(node.stat.gid));
    copyExtendedAttributes(node.file, file);
    fs.chmodSync(file, Number(node.stat.mode) & 0o7777);
  }
  return file;
}

function makePoint(directory: string, names: readonly string[], kind: 'directory' | 'file'): void {
  let file = directory;
  for (const [index, name] of names.entries()) {
    file = `${file}/${name}`;
    const isFile = kind === 'file' && index === names.length - 1;
    if (isFile) fs.writeFileSync(file, '');
    else fs.mkdirSync(file);
    fs.chmodSync(file, isFile ? 0o644 : 0o755);
  }
}
