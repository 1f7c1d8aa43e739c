/**
 * What overlayfs would show of a pile of directories, without mounting it (overlayfs.rst, "Upper and Lower", "whiteouts and opaque
 * directories"). Nothing outside of them is ever reached: symbolic links are resolved as if the pile were `/`.
 */
import fs, { type BigIntStats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { TsstackError } from '../model/errors.ts';
import { isOpaque } from '../store/file-attributes.ts';

export interface FileTree {
  /** Topmost first. One directory is a tree as well. */
  readonly directories: readonly string[];
}

export interface TreeNode {
  /** From the root, without a slash before it. Empty: the root. */
  readonly path: string;
  /** Where it is on the host: of a directory the topmost, whose attributes count. */
  readonly file: string;
  readonly stat: BigIntStats;
  /** Of a directory: all that it is made of, topmost first. */
  readonly parts: readonly string[];
}

export interface Found {
  /** The last one on the way that is there; symbolic links on it are resolved. */
  readonly node: TreeNode;
  /** What is missing below it. Empty: the node is what was looked for. */
  readonly rest: readonly string[];
}

/** @param path absolute or relative to the root. `follow`: also the last component, if that is a symbolic link. @throws TsstackError `image` at a loop of links. */
export async function lookUp(tree: FileTree, path: string, { follow }: { readonly follow: boolean }): Promise<Found> {
  const root = await rootOf(tree);
  const way: TreeNode[] = [root];
  const names = path.split('/');
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const node = way.at(-1) ?? root;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (way.length > 1) way.pop();
      continue;
    }
    const child = await childOf(node, name);
    if (child === undefined) return { node, rest: [name, ...names.filter((each) => each !== '' && each !== '.')] };
    const isLast = names.every((each) => each === '');
    if (!child.stat.isSymbolicLink() || (isLast && !follow)) {
      way.push(child);
      continue;
    }
    if (++links > MAX_LINKS) throw new TsstackError(`cannot resolve \`${path}\`: too many symbolic links`, { code: 'image' });
    const target = await readlink(child.file);
    if (target.startsWith('/')) way.length = 1;
    names.unshift(...target.split('/'));
  }
  return { node: way.at(-1) ?? root, rest: [] };
}

/** As the kernel's MAXSYMLINKS (linux/namei.h). */
const MAX_LINKS = 40;

/** Undefined: there is nothing. */
export async function findNode(tree: FileTree, path: string, options = { follow: true }): Promise<TreeNode | undefined> {
  const { node, rest } = await lookUp(tree, path, options);
  return rest.length === 0 ? node : undefined;
}

async function rootOf({ directories }: FileTree): Promise<TreeNode> {
  const [first] = directories;
  if (first === undefined) throw new Error('a tree has at least one directory');
  return { path: '', file: first, stat: await lstat(first, { bigint: true }), parts: directories };
}

/** The name itself, not what it links to. Undefined: there is none, or a whiteout. */
export async function childOf(directory: TreeNode, name: string): Promise<TreeNode | undefined> {
  if (!directory.stat.isDirectory()) return undefined;
  const path = directory.path === '' ? name : `${directory.path}/${name}`;
  let top: { readonly file: string; readonly stat: BigIntStats } | undefined;
  const parts: string[] = [];
  for (const part of directory.parts) {
    const file = `${part}/${name}`;
    const stat = fs.lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (isWhiteout(stat)) break;
    if (!stat.isDirectory()) {
      if (top === undefined) return { path, file, stat, parts: [] };
      break;
    }
    top ??= { file, stat };
    parts.push(file);
    if (isOpaque(file)) break;
  }
  return top && { path, ...top, parts };
}

/** Names of what is in a directory, sorted. */
export async function namesIn(directory: TreeNode): Promise<readonly string[]> {
  const hidden = new Set<string>();
  const names = new Set<string>();
  for (const part of directory.parts) {
    const here = await readdir(part, { withFileTypes: true });
    for (const entry of here) {
      if (hidden.has(entry.name) || names.has(entry.name)) continue;
      const mayHide = entry.isCharacterDevice() && isWhiteout(await lstat(`${part}/${entry.name}`, { bigint: true }));
      (mayHide ? hidden : names).add(entry.name);
    }
  }
  return [...names].sort(bytewise);
}

function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n;
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** It and all below it, a directory before what is in it, names sorted. `skip`: not it, nor what is below it. */
export async function* walk(node: TreeNode, skip: (node: TreeNode) => boolean = () => false): AsyncGenerator<TreeNode> {
  if (skip(node)) return;
  yield node;
  if (!node.stat.isDirectory()) return;
  for (const name of await namesIn(node)) {
    const child = await childOf(node, name);
    if (child !== undefined) yield* walk(child, skip);
  }
}
