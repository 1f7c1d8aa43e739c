/** Which files a source of `COPY` means, and a hash of what they are. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { limited } from '../image/limited.ts';
import { TsstackError } from '../model/errors.ts';
import { READ_SIZE } from '../store/blob-file.ts';
import { extendedAttributes } from '../store/file-attributes.ts';
import { childOf, type FileTree, findNode, namesIn, type TreeNode, walk } from './layer-tree.ts';

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

export interface SelectOptions {
  /** True for what is left out; what is below it may not be. Path from the root of the tree. */
  readonly isIgnored: (path: string) => boolean;
  /** The same for paths below the selection. */
  readonly isExcluded: (path: string) => boolean;
}

/** @param pattern as of Go's path/filepath.Match, a component at a time; `**` is any number of them. @throws TsstackError `image` if nothing is there. */
export async function selectFiles(tree: FileTree, pattern: string, options: SelectOptions): Promise<readonly Selection[]> {
  const components = cleanPath(pattern);
  const paths = components.some(isWild) ? await matches(tree, components) : [components.join('/')];
  const selections: Selection[] = [];
  for (const path of paths) {
    const node = await findNode(tree, path);
    const selection = node && (await select(node, path, options));
    if (selection) selections.push(selection);
  }
  if (selections.length > 0 || components.some(isWild)) return selections;
  throw new TsstackError(`\`${pattern}\` is not there`, { code: 'image' });
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

function isWild(component: string): boolean {
  return /[*?[\\]/.test(component);
}

async function matches(tree: FileTree, components: readonly string[]): Promise<readonly string[]> {
  const root = await findNode(tree, '');
  const found = new Set<string>();
  const descend = async (node: TreeNode, rest: readonly string[]): Promise<void> => {
    const [first, ...later] = rest;
    if (first === undefined) {
      if (node.path !== '') found.add(node.path);
      return;
    }
    if (first === '**') await descend(node, later);
    for (const name of await namesIn(node)) {
      if (first !== '**' && !globComponent(first).test(name)) continue;
      const child = await childOf(node, name);
      if (child !== undefined) await descend(child, first === '**' ? rest : later);
    }
  };
  if (root !== undefined) await descend(root, components);
  return [...found].sort();
}

/** Go's path/filepath.Match for one component: `*`, `?`, `[a-z]`, `[^a]`, `\` before what is to be taken as it is. */
export function globComponent(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    const set = character === '[' ? /^\[(\^?)((?:\\.|[^\]\\])+)\]/.exec(pattern.slice(at)) : null;
    if (set !== null) {
      source += `[${set[1]}${(set[2] ?? '').replace(/[[^]/g, '\\$&')}]`;
      at += set[0].length - 1;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else source += literal(character === '\\' ? (pattern[++at] ?? '\\') : character);
  }
  return new RegExp(`^${source}$`, 'us');
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** Undefined: it is left out, and all below it. */
async function select(root: TreeNode, path: string, { isIgnored, isExcluded }: SelectOptions): Promise<Selection | undefined> {
  const files: SelectedFile[] = [];
  const skipped: SelectedFile[] = [];
  for await (const node of walk(root)) {
    const below = node.path.slice(root.path.length).replace(/^\//, '');
    const fromTop = below === '' ? path : path === '' ? below : `${path}/${below}`;
    const file = { node, path: below };
    // A directory that is left out is back when something in it isn't.
    while (skipped.length > 0 && !isWithin(below, skipped.at(-1)?.path ?? '')) skipped.pop();
    const isOut = (below !== '' && isExcluded(below)) || (fromTop !== '' && isIgnored(fromTop));
    if (isOut && node.stat.isDirectory()) skipped.push(file);
    if (isOut || node.stat.isSocket()) continue;
    files.push(...skipped.splice(0), file);
  }
  return files.length === 0 ? undefined : { path, isDirectory: root.stat.isDirectory(), files };
}

function isWithin(path: string, directory: string): boolean {
  return directory === '' || path.startsWith(`${directory}/`);
}

export interface ContentOptions {
  /** Also owners and extended attributes, which a context has only by chance. */
  readonly attributes: boolean;
}

/** Of names, types, modes and contents, not of times. Equal for equal selections, wherever they are. */
export async function hashSelection({ path, files }: Selection, { attributes }: ContentOptions): Promise<string> {
  const inTurn = limited(availableParallelism() * 2);
  const lines = await Promise.all(
    files.map(({ node, path: below }) =>
      inTurn(async () => {
        const { mode, uid, gid, rdev } = node.stat;
        const owner = attributes
          ? [uid, gid, ...extendedAttributes(node.file).map(([name, value]) => `${name}=${value.toString('hex')}`)]
          : [];
        return JSON.stringify([below, mode, rdev, await contentOf(node), ...owner], (_, value: unknown) =>
          typeof value === 'bigint' ? value.toString() : value,
        );
      }),
    ),
  );
  const name = path.slice(path.lastIndexOf('/') + 1);
  return createHash('sha256')
    .update(`${name}\n${lines.join('\n')}`)
    .digest('hex');
}

async function contentOf({ stat, file }: TreeNode): Promise<string> {
  if (stat.isSymbolicLink()) return await readlink(file);
  return stat.isFile() ? await hashContent(file) : '';
}

/** In hexadecimal digits. */
export async function hashContent(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: READ_SIZE })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
