/** Puts files into a directory that is to be the next layer: as if it were mounted on top of the layers below. */
import fs from 'node:fs';
import { chmod, copyFile, lchown, lutimes, mkdir, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { TsstackError } from '../model/errors.ts';
import { copyExtendedAttributes, makeNode } from '../store/file-attributes.ts';
import type { SelectedFile, Selection } from './copy-step-select.ts';
import { type FileTree, findNode, lookUp, type TreeNode } from './layer-tree.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface WriteOptions {
  /** Of all that is made. Undefined: as at the source, missing directories on the way root's. */
  readonly owner: Owner | undefined;
  /** Of files and directories alike. Undefined: as at the source. */
  readonly mode: number | undefined;
  /** Also extended attributes. */
  readonly attributes: boolean;
}

export interface Layering {
  /** The directory of the next layer. */
  readonly upper: string;
  /** Upper and what is below. */
  readonly tree: FileTree;
  /** To be set when nothing is written any more, directory → nanoseconds since the epoch. */
  readonly times: Map<string, bigint>;
}

export function layerOn(upper: string, lowerdirs: readonly string[]): Layering {
  return { upper, tree: { directories: [upper, ...lowerdirs] }, times: new Map() };
}

/** A selection's files to that path: a directory's content into it, anything else as it. */
export async function copySelection(layering: Layering, selection: Selection, target: string, options: WriteOptions): Promise<void> {
  const links = new Map<string, string>();
  for (const file of selection.files) {
    const path = file.path === '' ? target : `${target === '/' ? '' : target}/${file.path}`;
    if (file.node.stat.isDirectory()) await copyDirectory(layering, file.node, path, options);
    else await copyNode(layering, { file, path, links }, options);
  }
}

/** A file of that content with mode 0644, or `options.mode`. */
export async function writeContent(layering: Layering, path: string, content: string, options: WriteOptions): Promise<void> {
  const file = await freePlace(layering, path, options);
  await writeFile(file, content);
  await lchown(file, options.owner?.uid ?? 0, options.owner?.gid ?? 0);
  await chmod(file, options.mode ?? 0o644);
}

/** The directory at that path, symbolic links followed: made with its parents if it isn't there. Its place in the upper layer. */
export async function makeDirectories(layering: Layering, path: string, owner: Owner | undefined): Promise<string> {
  const { node, rest } = await lookUp(layering.tree, path, { follow: true });
  if (!node.stat.isDirectory())
    throw new TsstackError(`cannot copy to \`${path}\`: \`/${node.path}\` is not a directory`, { code: 'image' });
  let file = await intoUpper(layering, node.path);
  for (const name of rest) {
    file = `${file}/${name}`;
    await mkdir(file);
    await lchown(file, owner?.uid ?? 0, owner?.gid ?? 0);
    await chmod(file, 0o755);
  }
  return file;
}

/** Directories get their times last: whatever is made in one changes its. */
export async function setTimes({ times }: Layering): Promise<void> {
  for (const [directory, ns] of [...times].reverse()) await utimes(directory, seconds(ns), seconds(ns));
}

/** What a lower layer has there looks as before: overlayfs shows the attributes of the topmost directory. */
async function intoUpper(layering: Layering, path: string): Promise<string> {
  const { upper, tree } = layering;
  const file = path === '' ? upper : `${upper}/${path}`;
  if (path !== '' && fs.existsSync(file)) return file;
  if (path !== '') await intoUpper(layering, path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
  const directories = tree.directories.slice(1);
  const below = directories.length === 0 ? undefined : await findNode({ directories }, path, { follow: false });
  if (path !== '') await mkdir(file);
  if (below === undefined || layering.times.has(file)) return file;
  const { uid, gid, mode, mtimeNs } = below.stat;
  await lchown(file, Number(uid), Number(gid));
  copyExtendedAttributes(below.file, file);
  await chmod(file, Number(mode) & 0o7777);
  layering.times.set(file, mtimeNs);
  return file;
}

async function copyDirectory(layering: Layering, node: TreeNode, path: string, options: WriteOptions): Promise<void> {
  const there = await findNode(layering.tree, path);
  const file = await makeDirectories(layering, path, options.owner);
  // One that was there stays as it is, but for what is put into it.
  if (there !== undefined) return;
  await setAttributes(node, file, options);
  layering.times.set(file, node.stat.mtimeNs);
}

interface NodeCopy {
  readonly file: SelectedFile;
  readonly path: string;
  /** Device and inode → where it is by now. */
  readonly links: Map<string, string>;
}

async function copyNode(layering: Layering, { file: { node }, path, links }: NodeCopy, options: WriteOptions): Promise<void> {
  const { stat } = node;
  const file = await freePlace(layering, path, options);
  const identity = `${stat.dev}:${stat.ino}`;
  const linked = stat.nlink > 1n ? links.get(identity) : undefined;
  if (linked !== undefined) return fs.linkSync(linked, file);
  links.set(identity, file);
  if (stat.isFile()) await copyFile(node.file, file, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
  else if (stat.isSymbolicLink()) await symlink(await readlink(node.file), file);
  else makeNode(file, Number(stat.mode), stat.rdev);
  await setAttributes(node, file, options);
  await lutimes(file, seconds(stat.mtimeNs), seconds(stat.mtimeNs));
}

/** Where a file may be made: its directory is in the upper layer, and nothing is there. */
async function freePlace(layering: Layering, path: string, { owner }: WriteOptions): Promise<string> {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const directory = await makeDirectories(layering, path.slice(0, slash), owner);
  const file = `${directory}/${name}`;
  const parent = directory.slice(layering.upper.length);
  const there = await findNode(layering.tree, `${parent}/${name}`, { follow: false });
  if (there?.stat.isDirectory()) throw new TsstackError(`cannot copy a file to \`${path}\`: a directory is there`, { code: 'image' });
  if (there?.file === file) await rm(file);
  return file;
}

async function setAttributes(node: TreeNode, file: string, { owner, mode, attributes }: WriteOptions): Promise<void> {
  const { stat } = node;
  await lchown(file, owner?.uid ?? Number(stat.uid), owner?.gid ?? Number(stat.gid));
  // A change of owner takes file capabilities away, and set-ID bits.
  if (attributes) copyExtendedAttributes(node.file, file);
  if (!stat.isSymbolicLink()) await chmod(file, mode ?? Number(stat.mode) & 0o7777);
}

function seconds(ns: bigint): number {
  return Number(ns) / 1e9;
}
