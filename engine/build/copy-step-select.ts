/** Which files a source of `COPY` means, and a hash of what they are. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { limited } from '../image/limited.ts';
import { TsstackError } from '../model/errors.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { extendedAttributes } from '../store/file-attributes.ts';
import type { IgnoreRules } from './ignore.ts';
import { childOf, type FileTree, findNode, namesIn, type TreeNode, walk } from './layer-tree.ts';
import { type PathPattern, parsePattern } from './patterns.ts';

/** One file or directory that a pattern has matched. */
export interface Selection {
  /** From the root of the tree it is in, as matched: a symbolic link has its own name and the content of what it leads to. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Itself first, directories before what is in them. */
  readonly files: readonly SelectedFile[];
}

export interface SelectedFile {
  readonly node: TreeNode;
  /** Below the selection. Empty: itself. */
  readonly path: string;
}

/** @param pattern as of `COPY`. @throws TsstackError `image` if nothing is there, `usage` if it is no pattern. */
export async function selectFiles(tree: FileTree, pattern: string, excluded: IgnoreRules): Promise<readonly Selection[]> {
  const { parts, isLiteral } = readPattern(pattern);
  const selections: Selection[] = [];
  for (const path of isLiteral ? [cleanPath(pattern).join('/')] : await matches(tree, parts)) {
    const selection = await selectNode(tree, path, excluded);
    if (selection) selections.push(selection);
  }
  if (selections.length === 0 && isLiteral) throw new TsstackError(`\`${pattern}\` is not there`, { code: 'image' });
  return selections;
}

/** The file or directory of that path, whole. @throws TsstackError `image` if it isn't there. */
export async function selectPath(tree: FileTree, path: string): Promise<Selection> {
  const selection = await selectNode(tree, path, undefined);
  if (selection === undefined) throw new TsstackError(`\`${path}\` is not there`, { code: 'image' });
  return selection;
}

async function selectNode(tree: FileTree, path: string, excluded: IgnoreRules | undefined): Promise<Selection | undefined> {
  const node = await findNode(tree, path);
  return node && (await select(node, cleanPath(path).join('/'), excluded));
}

function readPattern(pattern: string): PathPattern {
  try {
    return parsePattern(pattern);
  } catch (error) {
    throw new TsstackError(`cannot use \`${pattern}\`: ${(error as Error).message}`, { code: 'usage', cause: error });
  }
}

/** Without `.`, and with `..` not leading out, as if it were below `/`. */
export function cleanPath(path: string): readonly string[] {
  const clean: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') clean.pop();
    else if (name !== '' && name !== '.') clean.push(name);
  }
  return clean;
}

type Parts = PathPattern['parts'];

async function matches(tree: FileTree, parts: Parts): Promise<readonly string[]> {
  const root = await findNode(tree, '');
  const found = new Set<string>();
  const descend = async (node: TreeNode, [first, ...later]: Parts): Promise<void> => {
    if (first === undefined) {
      if (node.path !== '') found.add(node.path);
      return;
    }
    const rest = first === '**' ? [first, ...later] : later;
    if (first === '**') await descend(node, later);
    for (const name of await namesIn(node)) {
      const child = matchesName(first, name) ? await childOf(node, name) : undefined;
      if (child !== undefined) await descend(child, rest);
    }
  };
  if (root !== undefined) await descend(root, parts);
  return [...found].sort();
}

function matchesName(part: Parts[number], name: string): boolean {
  return part === '**' || ('name' in part ? part.name === name : part.matches.test(name));
}

/** Undefined: it is left out, and all below it. */
async function select(root: TreeNode, path: string, excluded: IgnoreRules | undefined): Promise<Selection | undefined> {
  const files: SelectedFile[] = [];
  const skipped: SelectedFile[] = [];
  const belowOf = (node: TreeNode) => node.path.slice(root.path.length).replace(/^\//, '');
  const isOut = (below: string) => excluded?.ignores(below) === true;
  const mayReturn = excluded?.hasExceptions === true;
  for await (const node of walk(root, (each) => !mayReturn && isOut(belowOf(each)))) {
    const file = { node, path: belowOf(node) };
    // A directory that is left out is back when something in it isn't.
    while (skipped.length > 0 && !isWithin(file.path, skipped.at(-1)?.path ?? '')) skipped.pop();
    const out = mayReturn && isOut(file.path);
    if (out && node.stat.isDirectory()) skipped.push(file);
    if (!out && !node.stat.isSocket()) files.push(...skipped.splice(0), file);
  }
  return files.length === 0 ? undefined : { path, isDirectory: root.stat.isDirectory(), files };
}

function isWithin(path: string, directory: string): boolean {
  return directory === '' || path.startsWith(`${directory}/`);
}

/** Of names, types, modes, owners, extended attributes and contents, not of times. Equal for equal selections, wherever they are. */
export async function hashSelection({ path, files }: Selection): Promise<string> {
  const inTurn = limited(availableParallelism() * 2);
  const lines = await Promise.all(files.map((file) => inTurn(() => lineOf(file))));
  const name = path.slice(path.lastIndexOf('/') + 1);
  return createHash('sha256')
    .update(`${name}\n${lines.join('\n')}`)
    .digest('hex');
}

async function lineOf({ node, path }: SelectedFile): Promise<string> {
  const { mode, uid, gid, rdev } = node.stat;
  const attributes = extendedAttributes(node.file).map(([name, value]) => [name, value.toString('hex')]);
  return JSON.stringify([path, ...[mode, uid, gid, rdev].map(String), await contentOf(node), attributes]);
}

async function contentOf({ stat, file }: TreeNode): Promise<string> {
  if (stat.isSymbolicLink()) return await readlink(file);
  return stat.isFile() ? await hashContent(file) : '';
}

/** In hexadecimal digits. */
async function hashContent(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: READ_SIZE })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
